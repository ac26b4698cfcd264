//! Versions as HTTP has them: entity tags.

use banyan_base::Problem;

/// The tag of a version.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Whether an If-Match (`*`, or tags with commas between) names this version. A weak tag counts as what it is made of:
/// proxies that compress on the way weaken ours, and a version is exact.
pub fn matches(tags: &str, version: i64) -> Result<bool, Problem> {
    if tags.trim() == "*" {
        return Ok(true);
    }
    let mut found = false;
    for tag in tags.split(',').map(str::trim) {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let Some(inner) = inner.filter(|inner| !inner.contains('"')) else {
            let text = "If-Match 应为读到的 ETag(连同引号),如 \"3\"。";
            return Err(Problem::new(banyan_base::codes::BAD_REQUEST, text));
        };
        found |= inner == version.to_string();
    }
    Ok(found)
}
