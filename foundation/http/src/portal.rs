//! The portal's first page: rendered here, works without scripts, in large type.
//!
//! It tells open information only: which systems there are, who owns them, and whether the platform is well.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use banyan_base::{Problem, Title};
use minijinja::{Environment, Value, context};

use crate::router::Shared;

/// An installed system as the portal tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// One of the five: `data`, `service`, `governance`, `collaboration`, `decision`.
    pub word: String,
    /// Clause of the plan; may be empty.
    pub clause: String,
    pub title: Title,
    pub summary: Title,
    pub owner: String,
}

/// Supplies the installed systems: the port by which the portal learns of them without knowing the engine behind.
///
/// # Errors
/// Where they can't be read; the page then says that the platform is not well.
pub type Systems = Arc<dyn Fn() -> Result<Vec<System>, Problem> + Send + Sync>;

/// How pages of the portal look.
pub(crate) const STYLE: &str = include_str!("portal/style.css");

const FIVE: [(&str, &str, &str, &str, &str); 5] = [
    (
        "data",
        "数据",
        "Data",
        "把散在各处的数据变成能用的数据",
        "scattered data made usable",
    ),
    (
        "service",
        "服务",
        "Service",
        "让企业和群众少跑一趟",
        "fewer errands for people and enterprises",
    ),
    (
        "governance",
        "治理",
        "Governance",
        "看得见、管得住、能闭环",
        "seen, steered, and closed",
    ),
    (
        "collaboration",
        "协同",
        "Collaboration",
        "跨单位把一件事办成",
        "one matter done across units",
    ),
    (
        "decision",
        "决策",
        "Decision",
        "每个数字都能追到来源",
        "every figure traced to its source",
    ),
];

/// `?lang=` first, then what the browser likes best; Chinese where neither says English.
pub(crate) fn english(query: Option<&str>, headers: &HeaderMap) -> bool {
    let asked = query
        .unwrap_or("")
        .split('&')
        .find_map(|pair| pair.strip_prefix("lang="));
    if let Some(asked) = asked {
        return asked.starts_with("en");
    }
    let accepted = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let mut best: (f32, bool) = (0.0, false);
    for range in accepted.split(',') {
        let (tag, weight) = range.split_once(";q=").unwrap_or((range, "1"));
        let weight: f32 = weight.trim().parse().unwrap_or(0.0);
        let tag = tag.trim().to_ascii_lowercase();
        let known = tag.starts_with("en") || tag.starts_with("zh");
        if known && weight > best.0 {
            best = (weight, tag.starts_with("en"));
        }
    }
    best.1
}

fn page(systems: Option<&[System]>, english: bool) -> Result<String, minijinja::Error> {
    let locale = if english { "en" } else { "zh-CN" };
    let shown = |system: &System| {
        context! {
            clause => system.clause.as_str(),
            title => system.title.in_locale(locale),
            summary => system.summary.in_locale(locale),
            owner => system.owner.as_str(),
        }
    };
    let group = |(word, zh, en, about_zh, about_en): &(&str, &str, &str, &str, &str)| {
        let own = systems
            .unwrap_or_default()
            .iter()
            .filter(|system| system.word == *word);
        context! {
            title => if english { *en } else { *zh },
            about => if english { *about_en } else { *about_zh },
            systems => own.map(shown).collect::<Vec<Value>>(),
        }
    };
    let groups: Vec<Value> = FIVE.iter().map(group).collect();
    let mut environment = Environment::new();
    environment.add_template("style.css", STYLE)?;
    environment.add_template("front.html", include_str!("portal/front.html"))?;
    environment
        .get_template("front.html")?
        .render(context! { english, groups, well => systems.is_some() })
}

/// `GET /`.
pub(crate) async fn front(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let english = english(request.uri().query(), request.headers());
    let systems = Arc::clone(&shared.settings.systems);
    let read = tokio::task::spawn_blocking(move || systems()).await;
    let systems = match read {
        Ok(Ok(systems)) => Some(systems),
        Ok(Err(problem)) => {
            tracing::error!(
                cause = problem.internal.as_deref().unwrap_or(&problem.detail),
                "the portal can't read the systems"
            );
            None
        }
        Err(_) => None,
    };
    let status = if systems.is_some() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    match page(systems.as_deref(), english) {
        Ok(text) => {
            let mut response = (status, Html(text)).into_response();
            let headers = response.headers_mut();
            headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers.insert(
                header::CONTENT_LANGUAGE,
                HeaderValue::from_static(if english { "en" } else { "zh-CN" }),
            );
            response
        }
        Err(error) => crate::call::problem(&Problem::internal(error), ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_what_the_reader_likes_best() {
        for (query, accepted, expected) in [
            (None, "", false),
            (None, "en-US,en;q=0.9", true),
            (None, "zh-CN,zh;q=0.9,en;q=0.8", false),
            (None, "fr, en;q=0.8, zh;q=0.9", false),
            (None, "de", false),
            (None, "en;q=x", false),
            (Some("lang=en"), "zh-CN", true),
            (Some("a=b&lang=zh-CN"), "en", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
            assert_eq!(english(query, &headers), expected, "{query:?} {accepted}");
        }
    }

    #[test]
    fn systems_stand_under_their_word_and_what_they_say_is_text() {
        let system = System {
            word: "governance".into(),
            clause: "1.0".into(),
            title: Title::zh("督办<b>"),
            owner: "省数字办".into(),
            ..System::default()
        };
        let shown = page(Some(std::slice::from_ref(&system)), true).unwrap();
        assert!(shown.contains("督办&lt;b&gt;") && shown.contains("省数字办"));
        assert!(shown.find("Governance").unwrap() < shown.find("督办").unwrap());
        assert!(shown.find("督办").unwrap() < shown.find("Collaboration").unwrap());
        let down = page(None, false).unwrap();
        assert!(down.contains("暂时不可用") && !down.contains("省数字办"));
    }
}
