//! The desk's pages, walked in a browser.

use super::stand::{CARE, asked, stands};
use crate::support::root;

#[test]
fn two_persons_an_emergency_and_a_simulation_in_a_browser() {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".into());
    let there = root().join("web/node_modules/playwright-core").exists()
        && root().join("web/dist/index.html").exists()
        && std::path::Path::new(&chromium).exists();
    if !there {
        assert!(
            std::env::var_os("CI").is_none(),
            "no browser or no desk: CI must have them"
        );
        eprintln!("SKIPPED: no browser or no built desk; scripts/web.sh builds it");
        return;
    }
    let stand = stands().remove(0);
    let (asker, second) = (
        stand.person("an", &["clinic.nurse"]),
        stand.person("bo", &["clinic.nurse"]),
    );
    let (duty, chief) = (
        stand.person("duty", &["clinic.emergency"]),
        stand.person("chief", &["clinic.supervisor"]),
    );
    let patient = stand.patient("1", "east");
    stand.patient("2", "west");
    stand.patient("3", "west");
    asked(asker.send("DELETE", &patient, &[CARE, ("If-Match", "\"1\"")], None));
    let tokens = [&asker, &second, &duty, &chief, &stand.admin].map(|client| client.token().unwrap());
    let run = std::process::Command::new("node")
        .arg(root().join("web/e2e/two-person.mjs"))
        .arg(format!("http://{}", stand.address))
        .args(tokens)
        .current_dir(root().join("web"))
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
}
