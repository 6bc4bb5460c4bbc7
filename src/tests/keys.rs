use axum::{body::Body, http::Request};
use serde_json::json;

use super::{Answer, Site, site::WIDGET_KEY};

/// What somebody sees who has signed in.
async fn get(site: &Site, uri: &str) -> Answer {
    let request = Request::get(uri).header("cookie", format!("live-chat-admin={}", site.hub.sign_in()));
    site.send(request.body(Body::empty()).expect("a request")).await
}

/// Posts a form as somebody who has signed in.
async fn post(site: &Site, uri: &str, body: &str) -> Answer {
    let request = Request::post(uri).header("cookie", format!("live-chat-admin={}", site.hub.sign_in()));
    let request = request.header("content-type", "application/x-www-form-urlencoded").header("sec-fetch-site", "same-origin");
    site.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

#[tokio::test]
async fn keys_are_made_and_revoked_without_a_script() {
    let site = Site::open().await;
    assert!(get(&site, "/admin").await.text.contains("href=\"/admin/keys\""));
    let body = "name=Fan+%3Cb%3Esite&room=1&origins=https%3A%2F%2Ffans.example%0D%0Ahttp%3A%2F%2Flocalhost%3A8080%2C";
    let made = post(&site, "/admin/keys", body).await;
    let key = site.hub.widget_keys()[0].clone();
    let shown = format!("/admin/keys?made={}", key.key.replace('-', "%2D"));
    assert_eq!((made.status, made.header("location")), (303, &*shown));
    // Its code is open, that of the other is a click away.
    let page = get(&site, &shown).await.text;
    assert!(
        page.contains(&format!("const widgetKey = &quot;{}&quot;", key.key))
            || page.contains(&format!("const widgetKey = \"{}\"", key.key))
    );
    let class = "class=\"widget-code\"";
    let open = format!("<details open {class}");
    assert_eq!((page.matches(class).count(), page.matches(&open).count()), (2, 1), "{page}");
    assert_eq!(key.allowed_origins.to_string(), "https://fans.example http://localhost:8080");
    let page = get(&site, "/admin/keys").await;
    assert!(
        page.text.contains("Fan &lt;b&gt;site") && page.text.contains(&key.key) && page.text.contains("https://fans.example")
    );
    assert_eq!(page.header("cache-control"), "no-store, no-transform");

    let uri = format!("/admin/keys/{}/revoke", key.key);
    let asked = get(&site, &uri).await;
    assert!(asked.text.contains("Revoke the key") && asked.text.contains("Keep it") && !asked.text.contains("No other key"));
    assert_eq!(site.hub.widget_keys()[0].revoked_at, None, "to ask is not to do");
    let revoked = post(&site, &uri, "").await;
    assert_eq!((revoked.status, revoked.header("location")), (303, "/admin/keys"));
    assert!(site.hub.widget_keys()[0].revoked_at.is_some());
    assert!(get(&site, "/admin/keys").await.text.contains("Revoked "));
    assert_eq!(get(&site, &uri).await.status, 303, "there is nothing to ask any more");

    let last = format!("/admin/keys/{}/revoke", WIDGET_KEY.replace('-', "%2D"));
    assert!(get(&site, &last).await.text.contains("No other key opens Live chat: nobody can write there"));
    assert_eq!(post(&site, &last, "").await.status, 303);
    assert!(get(&site, "/admin/keys").await.text.contains("There is no key that is good"));
    assert_eq!(post(&site, "/admin/keys/none/revoke", "").await.status, 303);
}

#[tokio::test]
async fn a_form_that_is_refused_comes_back_with_what_was_typed() {
    let site = Site::open().await;
    let many = (0..33).map(|n| format!("https%3A%2F%2F{n}.example")).collect::<Vec<_>>().join("+");
    let rows = [
        ("name=+&room=&origins=https%3A%2F%2Fa.example".to_owned(), 400, "name-error", "1 to 64 characters"),
        ("name=x&room=9&origins=https%3A%2F%2Fa.example".to_owned(), 404, "room-error", "There is no such room."),
        ("name=x&room=one&origins=https%3A%2F%2Fa.example".to_owned(), 400, "room-error", "There is no such room."),
        ("name=x&room=&origins=https%3A%2F%2Fa.example%2F".to_owned(), 400, "origins-error", "is not an origin such as"),
        (format!("name=x&room=&origins={many}"), 400, "origins-error", "32 origins at most"),
    ];
    for (body, status, id, error) in rows {
        let answer = post(&site, "/admin/keys", &body).await;
        assert_eq!(answer.status, status, "{body}");
        let beside = answer.text.split(&format!("id=\"{id}\"")).nth(1).expect("the place of the error");
        let beside = &beside[..beside.find("</p>").expect("an end")];
        assert!(beside.contains(error) && !beside.contains("hidden"), "{body}: {beside}");
        assert!(answer.text.contains("https://") && answer.text.contains("aria-invalid=\"true\""), "{body}");
    }
    assert_eq!(post(&site, "/admin/keys", "name=x").await.status, 422);
    assert_eq!(site.hub.widget_keys().len(), 1);
}

#[tokio::test]
async fn the_pages_are_for_whoever_has_signed_in_here() {
    let site = Site::open().await;
    let revoke = format!("/admin/keys/{WIDGET_KEY}/revoke");
    for uri in ["/admin/keys", &revoke] {
        let shown = site.get(uri).await;
        assert_eq!((shown.status, shown.header("location")), (303, "/admin"), "{uri}");
        let session = format!("live-chat-admin={}", site.hub.sign_in());
        for (cookie, from_site) in [("", "same-origin"), ("live-chat-admin=x", "same-origin"), (&*session, "cross-site")] {
            let request = Request::post(uri).header("cookie", cookie).header("sec-fetch-site", from_site);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let answer = site.send(request.body(Body::from("name=x&room=&origins=")).expect("a request")).await;
            let status = if from_site == "cross-site" { 403 } else { 303 };
            assert_eq!(answer.status, status, "{uri} {cookie} {from_site}");
            assert!(!answer.text.contains(WIDGET_KEY));
        }
    }
    assert_eq!(site.hub.widget_keys().len(), 1);
    assert_eq!(site.hub.widget_keys()[0].revoked_at, None);
}

#[tokio::test]
async fn a_room_s_name_is_text_on_the_page() {
    let site = Site::open().await;
    site.administer("/v1/streams/create", &json!({ "name": "</option><b>Two" })).await;
    let page = get(&site, "/admin/keys").await.text;
    assert!(page.contains("2: &lt;/option&gt;&lt;b&gt;Two") && !page.contains("<b>Two"), "{page}");
}
