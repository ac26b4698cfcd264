//! Scheme and authority under which a caller reaches the server, for absolute links.

use axum::http::{HeaderMap, header};

/// As configured; else what a trusted proxy says; else plain HTTP at the host that was asked for.
pub(crate) fn of(headers: &HeaderMap, public_url: Option<&str>, trust_forwarded: bool) -> String {
    if let Some(url) = public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (mut scheme, mut host) = (None, None);
    if trust_forwarded {
        // Each proxy adds itself behind; the first is the one that the caller reached.
        let first = |name: &str| text(name).and_then(|all| all.split(',').next()).map(str::trim);
        (scheme, host) = first("forwarded").map_or((None, None), forwarded);
        scheme = scheme.or_else(|| first("x-forwarded-proto").map(str::to_owned));
        host = host.or_else(|| first("x-forwarded-host").map(str::to_owned));
    }
    let scheme = scheme.filter(|scheme| scheme.eq_ignore_ascii_case("https"));
    let host = host
        .filter(|host| is_authority(host))
        .or_else(|| text(header::HOST.as_str()).map(str::to_owned));
    format!(
        "{}://{}",
        scheme.map_or("http", |_| "https"),
        host.unwrap_or_default()
    )
}

/// `proto` and `host` of one element of a `Forwarded` header (RFC 7239).
fn forwarded(element: &str) -> (Option<String>, Option<String>) {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let pairs: Vec<(String, String)> = pairs
        .map(|(name, value)| {
            let name = name.trim().to_ascii_lowercase();
            (name, value.trim().trim_matches('"').to_owned())
        })
        .collect();
    let value = |wanted: &str| {
        let found = pairs.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone())
    };
    (value("proto"), value("host"))
}

/// A name or address, perhaps with a port: nothing that would break out of a link.
fn is_authority(host: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !host.is_empty() && host.len() <= 255 && host.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn check(public: Option<&str>, trust: bool, sent: &[(&'static str, &'static str)], expected: &str) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        assert_eq!(of(&headers, public, trust), expected, "{sent:?}");
    }

    #[test]
    fn links_begin_where_callers_reach_us() {
        let host = ("host", "inner:8080");
        let proxy = [
            host,
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "a.gov.cn"),
        ];
        check(None, false, &[host], "http://inner:8080");
        check(Some("https://b.gov.cn/"), false, &proxy, "https://b.gov.cn");
        check(Some("https://b.gov.cn"), true, &proxy, "https://b.gov.cn");
        // Anybody can send these.
        check(None, false, &proxy, "http://inner:8080");
        check(None, true, &proxy, "https://a.gov.cn");
        check(
            None,
            true,
            &[host, ("x-forwarded-proto", "https, http")],
            "https://inner:8080",
        );
        check(
            None,
            true,
            &[
                host,
                (
                    "forwarded",
                    "for=1.2.3.4;proto=https;host=\"a.gov.cn:444\", for=5.6.7.8;proto=http",
                ),
            ],
            "https://a.gov.cn:444",
        );
        check(
            None,
            true,
            &[host, ("x-forwarded-host", "a\"><script>")],
            "http://inner:8080",
        );
        check(
            None,
            true,
            &[host, ("x-forwarded-proto", "javascript")],
            "http://inner:8080",
        );
    }
}
