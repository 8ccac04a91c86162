//! The guard before every request: which host was meant, from where it comes, and who asks.

use std::net::IpAddr;

use astraea_sandbox::Tier;
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{peer::Peer, problem::Problem, server::Shared};

/// Lets a request through, or answers it; adds the security headers to every answer.
pub(crate) async fn guard(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let mut response = match admit(&shared, &peer, host, request.headers()) {
        Ok(()) => told(next.run(request).await).await,
        Err(problem) => {
            tracing::info!(code = problem.code, peer = %peer.remote, "refused");
            problem.into_response()
        }
    };
    for (name, value) in SECURITY {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// The longest text of a refusal that is kept, in bytes.
const MAX_REFUSAL: usize = 4096;

/// A refusal of the framework (a method, a path, a body) as a problem like any other.
async fn told(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !(status.is_client_error() || status.is_server_error())
        || kind.is_some_and(|kind| kind.contains("json"))
    {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let text = axum::body::to_bytes(response.into_body(), MAX_REFUSAL).await.unwrap_or_default();
    let mut detail = String::from_utf8_lossy(&text).into_owned();
    if detail.is_empty() {
        detail = status.canonical_reason().unwrap_or("refused").to_lowercase();
    }
    let mut response = Problem::new(status, "refused", detail).into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

const SECURITY: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

fn admit(
    shared: &Shared,
    peer: &Peer,
    authority: Option<String>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let refuse = |status, code, detail: &str| Err(Problem::new(status, code, detail));
    let host = match authority {
        Some(host) => host,
        None => one(headers, &header::HOST)?.unwrap_or_default().to_owned(),
    };
    if !shared.is_our_host(&host) {
        let detail =
            "this server answers to loopback names only; a name of your own goes into --host";
        return refuse(StatusCode::MISDIRECTED_REQUEST, "host", detail);
    }
    let origin = one(headers, &header::ORIGIN)?;
    if let Some(origin) = origin
        && origin.strip_prefix("http://") != Some(host.as_str())
    {
        return refuse(StatusCode::FORBIDDEN, "origin", "requests of other sites are refused");
    }
    let site = one(headers, &HeaderName::from_static("sec-fetch-site"))?;
    if !matches!(site, None | Some("same-origin" | "none")) {
        return refuse(
            StatusCode::FORBIDDEN,
            "sec_fetch_site",
            "requests of other sites are refused",
        );
    }
    if let Some(given) = one(headers, &header::AUTHORIZATION)? {
        let token = given.strip_prefix("Bearer ").or_else(|| given.strip_prefix("bearer "));
        if token.is_some_and(|token| shared.token.is(token.trim())) {
            return Ok(());
        }
        return refuse(StatusCode::UNAUTHORIZED, "token", "the token is not this server's");
    }
    // A browser always sends an Origin with what changes something; with one that is our own, the page asks.
    // Elsewhere than in tier A sandboxed code is the same user on the same network.
    let alone = matches!(shared.astra.sandbox().tier(), Tier::A);
    if alone && peer.is_same_user() {
        return Ok(());
    }
    refuse(
        StatusCode::UNAUTHORIZED,
        "token",
        "send the token that `astra token` prints as a bearer token",
    )
}

/// The one value of a header; twice the same header is an attempt to be read differently by two readers.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Problem::bad(format!("the header {name} stands there twice")));
    }
    let text =
        first.map(|value| value.to_str().map_err(|_| Problem::bad(format!("{name} is no text"))));
    text.transpose()
}

/// Whether `host`, with a port or without, is a loopback name or one of `names`.
pub(crate) fn is_ours(host: &str, names: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(ip, _)| ip),
        None => host.rsplit_once(':').map_or(host, |(name, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
        }),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_68_only_loopback_names_are_ours() {
        for host in
            ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000", "[::1]"]
        {
            assert!(is_ours(host, &[]), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "10.0.0.1",
            "[::2]",
            "localhost@evil.example",
            "localhost:80:80",
            ":8000",
            "0.0.0.0",
            "é",
        ] {
            assert!(!is_ours(host, &[]), "{host}");
        }
        assert!(is_ours("my.box:8000", &["my.box".into()]));
    }
}
