//! The cookies that browsers get over HTTP and HTTPS.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Site,
    site::{PASSWORD, Setting},
};
use crate::server::TrustedProxies;

/// An answer: its status and the cookies that it sets.
async fn ask(site: &Site, request: &str, headers: &str, body: &str) -> (u16, Vec<String>, String) {
    let mut socket = TcpStream::connect(site.addr).await.expect("a server");
    let length = body.len();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    socket.write_all(head.as_bytes()).await.expect("an open connection");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let set = head.lines().filter_map(|line| line.split_once(": ")).filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    (status, set.map(|(_, value)| value.to_owned()).collect(), body.to_owned())
}

async fn behind_a_proxy() -> Site {
    let trusted_proxies = TrustedProxies::new(Some(["127.0.0.1/32".parse().expect("a network")].into()));
    Site::with(Setting { trusted_proxies, ..Setting::default() }).await
}

fn form() -> String {
    format!("password={}", PASSWORD.replace(' ', "+"))
}

/// What a browser sends back.
fn pairs(set: &[String]) -> String {
    set.iter().filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn over_https_every_cookie_is_for_this_host_alone() {
    let site = behind_a_proxy().await;
    let https = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.9\r\n";
    let invited = site.administer("/v1/streams/1/invites", &serde_json::json!({ "name": "Robin" })).await;
    let link = invited.json["data"]["link"].as_str().expect("a link").to_owned();
    let requests = [
        ("POST /admin".to_owned(), form(), 2),
        ("GET /".to_owned(), String::new(), 1),
        ("POST /".to_owned(), "username=Ann&message=hello".to_owned(), 2),
        ("GET /embed/1".to_owned(), String::new(), 2),
        (format!("POST {link}"), String::new(), 1),
        ("POST /admin/sign-out".to_owned(), String::new(), 1),
    ];
    for (request, body, count) in requests {
        let (status, set, text) = ask(&site, &request, https, &body).await;
        assert!([200, 303].contains(&status), "{request}: {status} {text}");
        assert_eq!(set.len(), count, "{request}: {set:?}");
        for cookie in set {
            let attributes: Vec<_> = cookie.split("; ").skip(1).collect();
            assert!(cookie.starts_with("__Host-live-chat-"), "{request}: {cookie}");
            assert!(["Secure", "HttpOnly", "Path=/"].iter().all(|wanted| attributes.contains(wanted)), "{request}: {cookie}");
            assert!(!cookie.contains("Domain="), "{request}: {cookie}");
        }
    }
}

#[tokio::test]
async fn a_cookie_counts_under_the_name_of_its_scheme_alone() {
    let site = behind_a_proxy().await;
    let https = "X-Forwarded-Proto: https\r\n";
    let sign_in = async |headers: &str| pairs(&ask(&site, "POST /admin", headers, &form()).await.1);
    let (plain, secure) = (sign_in("").await, sign_in(https).await);
    assert!(plain.starts_with("live-chat-admin=") && secure.starts_with("__Host-live-chat-admin="), "{plain} {secure}");
    for (cookie, headers, is_in) in [(&plain, "", true), (&secure, https, true), (&plain, https, false), (&secure, "", false)] {
        let (_, _, text) = ask(&site, "GET /admin", &format!("{headers}Cookie: {cookie}\r\n"), "").await;
        assert_eq!(text.contains("Sign out"), is_in, "{cookie} {headers}");
    }
}

#[tokio::test]
async fn only_a_configured_proxy_says_what_the_scheme_is() {
    let site = Site::open().await;
    for header in ["X-Forwarded-Proto: https", "Forwarded: proto=https"] {
        let (status, set, _) = ask(&site, "POST /admin", &format!("{header}\r\n"), &form()).await;
        assert_eq!((status, set.len()), (303, 2), "{header}");
        for cookie in set {
            assert!(cookie.starts_with("live-chat-") && !cookie.contains("Secure"), "{header}: {cookie}");
        }
    }
}
