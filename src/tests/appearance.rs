//! How all pages look: what owners may choose, and where it is seen.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{Answer, Site, site::ADMIN_KEY};

/// A picture of one pixel.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0;";
const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(document.domain)</script></svg>";

async fn call(site: &Site, method: &str, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::builder().method(method).uri(format!("/v1/appearance{path}"));
    let request = request.header("authorization", format!("Bearer {ADMIN_KEY}")).header("content-type", "application/json");
    site.send(request.body(body.into()).expect("a request")).await
}

async fn patch(site: &Site, patch: Value) -> Answer {
    call(site, "PATCH", "", patch.to_string()).await
}

/// The form of `/admin/appearance`, as a browser posts it.
async fn submit(site: &Site, fields: &[(&str, &str)], file: Option<&[u8]>) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    let head = "--X\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n";
    body.extend(head.bytes());
    body.extend(file.unwrap_or_default());
    body.extend(b"\r\n--X--\r\n");
    let request = Request::post("/admin/appearance").header("content-type", "multipart/form-data; boundary=X");
    let request = request.header("cookie", owner(site)).header("sec-fetch-site", "same-origin");
    // In pieces, as it comes over a connection.
    let pieces: Vec<_> = body.chunks(16 << 10).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let body = Body::from_stream(futures::stream::iter(pieces));
    site.send(request.body(body).expect("a request")).await
}

fn owner(site: &Site) -> String {
    format!("live-chat-admin={}", site.hub.sign_in())
}

#[tokio::test]
async fn what_owners_choose_is_told_and_outlives_a_restart() {
    let site = Site::open().await;
    let nothing = json!({ "title": "", "accent": "", "logo": null, "properties": {}, "warnings": [] });
    assert_eq!(site.get("/v1/appearance").await.json["data"], nothing);
    let chosen = json!({
        "title": "Acme", "accent": "#FF0055",
        "properties": { "--page": { "light": "#ffffff", "dark": "#000000" }, "--radius": "4px", "--font": "\"Comic Neue\", serif" },
    });
    let answer = patch(&site, chosen).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let logo = call(&site, "PUT", "/logo", GIF).await;
    assert_eq!(logo.status, 200, "{}", logo.text);
    let site = site.restart().await;
    let data = site.get("/v1/appearance").await.json["data"].clone();
    assert_eq!((&data["title"], &data["accent"]), (&json!("Acme"), &json!("#ff0055")));
    let properties =
        json!({ "--page": { "light": "#ffffff", "dark": "#000000" }, "--radius": "4px", "--font": "Comic Neue, serif" });
    assert_eq!(data["properties"], properties);
    assert_eq!((&data["logo"]["type"], &data["logo"]["bytes"]), (&json!("image/gif"), &json!(GIF.len())));

    let answer = patch(&site, json!({ "properties": { "--page": { "dark": null }, "--radius": null } })).await;
    assert_eq!(answer.json["data"]["properties"], json!({ "--page": { "light": "#ffffff" }, "--font": "Comic Neue, serif" }));
    let answer = call(&site, "PUT", "", json!({ "title": "Other" }).to_string()).await;
    let data = &answer.json["data"];
    assert_eq!((&data["title"], &data["accent"], &data["properties"]), (&json!("Other"), &json!(""), &json!({})));
    assert!(data["logo"].is_object(), "it has an address of its own");
    assert!(call(&site, "DELETE", "/logo", "").await.json["data"]["logo"].is_null());
}

#[tokio::test]
async fn of_two_owners_who_save_at_once_the_second_is_asked_first() {
    let site = Site::open().await;
    submit(&site, &[("title", "Acme"), ("accent", "#ff0055")], None).await;
    let version = |page: &Answer| {
        let (_, rest) = page.text.split_once("name=\"version\" value=\"").expect("a version");
        rest.split_once('"').expect("its end").0.to_owned()
    };
    let opened = version(&site.page("/admin/appearance", &owner(&site)).await);
    let first = submit(&site, &[("version", &opened), ("title", "Acme One"), ("accent", "#ff0055")], None).await;
    assert_eq!(first.status, 303, "{}", first.text);

    let typed = [("title", "Acme Two"), ("accent", "#ff0055"), ("--radius", "4px")];
    let with = |version: &str, fields: &[(&'static str, &str)]| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        [vec![("version", version.to_owned())], fields].concat()
    };
    let send = async |fields: Vec<(&'static str, String)>, file| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        submit(&site, &fields, file).await
    };
    let second = send(with(&opened, &typed), Some(GIF)).await;
    assert_eq!(second.status, 409, "{}", second.text);
    let parts = ["Somebody else has changed the look", "in: Title, Corner radius, Logo.", "value=\"Acme Two\"", "value=\"4px\""];
    for part in parts {
        assert!(second.text.contains(part), "{part} in {}", second.text);
    }
    assert_eq!(site.get("/v1/appearance").await.json["data"]["title"], "Acme One", "nothing was lost");

    // A mistake does not make the present version theirs.
    let wrong = send(with(&opened, &[("title", "Acme Two"), ("accent", "red")]), None).await;
    assert_eq!((wrong.status, version(&wrong)), (400, opened));
    let again = send(with(&version(&second), &typed), None).await;
    assert_eq!(again.status, 303, "{}", again.text);
    assert_eq!(site.get("/v1/appearance").await.json["data"]["title"], "Acme Two");
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let site = Site::open().await;
    let rows = [
        (json!({ "accent": "red" }), "\\\"accent\\\" is \\\"red\\\", but must be a colour such as #4650c8"),
        (json!({ "title": "Acme", "properties": { "--radius": "1px;}*{display:none" } }), "\\\"--radius\\\" is"),
        (json!({ "properties": { "--font": "x</style><script>" } }), "1 to 8 names of fonts"),
        (json!({ "properties": { "--text": { "light": "url(//x)" } } }), "\\\"--text\\\" (light)"),
        (json!({ "css": "body{}" }), "There is no \\\"css\\\""),
        (json!({ "logo": "x" }), "PUT /v1/appearance/logo"),
        (json!({ "title": "é".repeat(65) }), "1 to 64 characters"),
        (json!([]), "The body must be one JSON object"),
    ];
    for (sent, part) in rows {
        for method in ["PATCH", "PUT"] {
            let answer = call(&site, method, "", sent.to_string()).await;
            assert_eq!(answer.status, 400, "{sent}: {}", answer.text);
            assert!(answer.text.contains(part), "{sent}: {}", answer.text);
        }
    }
    assert_eq!(site.get("/v1/appearance").await.json["data"]["title"], "");
    assert!(!site.get("/").await.text.contains("<style"));
}

#[tokio::test]
async fn what_is_hard_to_read_is_saved_with_a_warning() {
    let site = Site::open().await;
    let answer = patch(&site, json!({ "properties": { "--text": { "light": "#999999" } } })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let warnings = answer.json["data"]["warnings"].as_array().expect("a list").clone();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert_eq!(warnings[0], "--text on --page (light) has a contrast of 2.5:1. Many people need 4.5:1 to read it.");
    let page = site.page("/admin/appearance", &owner(&site)).await.text;
    assert!(page.contains("“Text” on “Page” (light) is hard to read: the contrast is 2.5:1"), "{page}");
}

#[tokio::test]
async fn a_logo_is_what_its_bytes_say_and_can_do_nothing() {
    let site = Site::open().await;
    let largest = [GIF, &vec![0; (64 << 10) - GIF.len()]].concat();
    for (bytes, status) in [(largest.clone(), 200), ([largest, vec![0]].concat(), 413), (b"<html>".to_vec(), 415), (vec![], 415)]
    {
        let answer = call(&site, "PUT", "/logo", bytes).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    let first = site.get("/v1/appearance").await.json["data"]["logo"].clone();
    assert_eq!((&first["bytes"], &first["type"]), (&json!(64 << 10), &json!("image/gif")), "what was refused changed nothing");
    let svg = call(&site, "PUT", "/logo", SVG).await.json["data"]["logo"].clone();
    let path = svg["url"].as_str().expect("a path");
    assert!(path.starts_with("/appearance/") && path.ends_with(".svg"), "{path}");
    let file = site.get(path).await;
    assert_eq!((file.status, file.text.as_bytes()), (200, SVG));
    for (name, value) in [
        ("content-type", "image/svg+xml"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("cross-origin-resource-policy", "cross-origin"),
    ] {
        assert_eq!(file.header(name), value, "{name}");
    }
    let older = site.get(first["url"].as_str().expect("a path")).await;
    assert_eq!((older.status, older.header("cache-control")), (404, "no-store"));
    for other in ["/appearance/x", "/appearance/..%2f", "/appearance/%00"] {
        assert_eq!(site.get(other).await.status, 404, "{other}");
    }
}

#[tokio::test]
async fn every_page_looks_so() {
    let site = Site::open().await;
    site.administer("/v1/streams/create", &json!({ "name": "Two" })).await;
    patch(&site, json!({ "title": "Acme & <b>", "accent": "#ff0055", "properties": { "--font": "Comic Neue", "--page": { "dark": "#000000" } } })).await;
    call(&site, "PUT", "/logo", GIF).await;
    let logo = site.get("/v1/appearance").await.json["data"]["logo"]["url"].as_str().expect("a path").to_owned();
    for uri in ["/", "/rooms/1", "/rooms/9", "/rooms/1/replay", "/embed/1", "/overlay/1", "/admin", "/nowhere"] {
        let page = site.get(uri).await.text;
        for part in
            ["--font:\"Colour emoji\",\"Comic Neue\",system-ui", "--page:#000000;", "--accent:#", "Acme &amp; &lt;b&gt;</title>"]
        {
            assert!(page.contains(part), "{uri}: {part} in {page}");
        }
        let has_brand = page.contains("<header class=\"brand\">") && page.contains(&format!("<img src=\"{logo}\" alt=\"\">"));
        assert_eq!(has_brand, !uri.starts_with("/embed") && !uri.starts_with("/overlay"), "{uri}");
        assert!(
            page.contains(&format!("<link href=\"{logo}\" type=\"image/gif\" rel=\"icon\"")) || page.contains(&logo),
            "{uri}"
        );
    }
    let embed = site.get("/embed/1?accent=00aa00").await.text;
    assert!(embed.contains(&format!(".embed .site-logo{{display:block;content:url(\"{logo}\")}}")), "{embed}");
    let (sites, own) =
        (embed.find(":root[data-theme=dark]").expect("the site's"), embed.find(":root:root{--accent:#").expect("its own"));
    assert!(sites < own);
    let csp = |page: &Answer| page.header("content-security-policy").to_owned();
    let room = site.get("/rooms/1").await;
    assert!(csp(&room).contains("style-src 'self' 'nonce-"), "{}", csp(&room));
    assert!(csp(&site.get("/overlay/1").await).contains("style-src 'self' 'unsafe-inline';"));
}

#[tokio::test]
async fn a_shared_link_names_the_site_and_shows_its_picture() {
    let site = Site::open().await;
    patch(&site, json!({ "title": "Acme" })).await;
    let page = async || {
        let request = Request::get("/rooms/1?lang=en").header("host", "chat.example").body(Body::empty()).expect("a request");
        site.send(request).await.text
    };
    call(&site, "PUT", "/logo", GIF).await;
    let logo = site.get("/v1/appearance").await.json["data"]["logo"]["url"].as_str().expect("a path").to_owned();
    let raster = page().await;
    for part in [
        r#"<meta property="og:site_name" content="Acme">"#.to_owned(),
        r#"<meta property="og:title" content="Live chat">"#.to_owned(),
        format!(r#"<meta property="og:image" content="http://chat.example{logo}">"#),
    ] {
        assert!(raster.contains(&part), "{part} in {raster}");
    }
    call(&site, "PUT", "/logo", SVG).await;
    assert!(!page().await.contains("og:image"), "no program shows an SVG");
}

#[tokio::test]
async fn the_form_keeps_what_was_typed_and_names_each_mistake() {
    let site = Site::open().await;
    let saved = submit(&site, &[("title", "Acme"), ("accent", "#ff0055"), ("--radius", "4px")], Some(GIF)).await;
    assert_eq!((saved.status, saved.header("location")), (303, "/admin/appearance?saved="), "{}", saved.text);
    let page = site.page("/admin/appearance?saved=", &owner(&site)).await.text;
    assert!(page.contains("Saved.") && page.contains("value=\"#ff0055\""), "{page}");

    let typed = [("title", "Other"), ("accent", "red"), ("--radius", "40px"), ("--font", "a;b"), ("unknown", "x")];
    let refused = submit(&site, &typed, Some(b"no picture")).await;
    assert_eq!(refused.status, 400);
    for part in [
        "value=\"Other\"",
        "value=\"red\"",
        "value=\"40px\"",
        "value=\"a;b\"",
        "Write a colour as #",
        "a length from 0px to 32px",
        "up to 8 names of fonts",
        "no PNG, JPEG, GIF, WebP or SVG image",
    ] {
        assert!(refused.text.contains(part), "{part} in {}", refused.text);
    }
    assert_eq!(site.get("/v1/appearance").await.json["data"]["title"], "Acme", "nothing was saved");
    let large = submit(&site, &[("title", "Large")], Some(&vec![0; 300 << 10])).await;
    assert_eq!(large.status, 400);
    assert!(large.text.contains("64 KiB at most") && large.text.contains("value=\"Large\""), "{}", large.text);
    let vast = submit(&site, &[("title", "Vast")], Some(&vec![0; 5 << 20])).await;
    assert!(vast.status == 400 && vast.text.contains("64 KiB at most"), "{}", vast.text);

    let reset =
        submit(&site, &[("title", "Acme 2"), ("accent", "#ff0055"), ("reset", "accent"), ("remove-logo", "on")], None).await;
    assert_eq!(reset.status, 303, "{}", reset.text);
    let data = site.get("/v1/appearance").await.json["data"].clone();
    assert_eq!((&data["title"], &data["accent"], &data["logo"]), (&json!("Acme 2"), &json!(""), &Value::Null));
    assert_eq!(data["properties"], json!({ "--radius": "4px" }), "what the form does not name stays");
}

#[tokio::test]
async fn the_page_is_in_every_language() {
    let site = Site::open().await;
    let words = [("en", "Look of the pages"), ("de", "Aussehen der Seiten"), ("ja", "ページの外観"), ("ar", "مظهر الصفحات")];
    for (language, heading) in words {
        let page = site.page(&format!("/admin/appearance?lang={language}"), &owner(&site)).await.text;
        assert!(page.contains(&format!("<h1>{heading}</h1>")), "{language}");
    }
}
