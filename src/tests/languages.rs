use axum::{body::Body, http::Request};
use serde_json::json;

use super::{
    Answer, Site,
    site::{ADMIN_KEY, WIDGET_KEY},
};
use crate::chat::RoomId;

async fn get(site: &Site, uri: &str, language: &str) -> Answer {
    site.send(Request::get(uri).header("accept-language", language).body(Body::empty()).expect("a request")).await
}

/// Publishes as the page does, in a language.
async fn say(site: &Site, username: &str, text: &str, language: &str) -> Answer {
    let message = json!({ "type": "chat", "username": username, "message_text": text });
    let body = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": message });
    let token = site.guest_token(RoomId::FIRST);
    let request = Request::post(format!("/publish/1?token={token}")).header("content-type", "application/json");
    let request = request.header("accept-language", language).body(Body::from(body.to_string()));
    site.send(request.expect("a request")).await
}

#[tokio::test]
async fn a_page_is_written_in_the_language_that_is_asked_for() {
    let site = Site::open().await;
    let rows = [
        ("/", "de-AT,de;q=0.9", "de", "ltr", "Nachricht senden"),
        ("/rooms/1", "ar", "ar", "rtl", "إرسال الرسالة"),
        ("/embed/1", "it", "en", "ltr", "Send the Message"),
        ("/embed/1", "fr-CA", "fr", "ltr", "Envoyer le message"),
        ("/", "es-MX,es;q=0.9", "es", "ltr", "Enviar el mensaje"),
        ("/", "pt-PT", "pt-BR", "ltr", "Enviar a mensagem"),
        ("/", "ja", "ja", "ltr", "メッセージを送信"),
        ("/", "zh-CN,zh;q=0.9", "zh-Hans", "ltr", "发送消息"),
        ("/embed/1?theme=dark&lang=de", "ar", "de", "ltr", "Nachricht senden"),
        ("/overlay/1?lang=ar", "", "ar", "rtl", "إرسال الرسالة"),
        ("/?lang=xx", "de", "de", "ltr", "Nachricht senden"),
        ("/rooms/9", "de", "de", "ltr", "Diesen Raum gibt es nicht"),
        ("/nothing", "ar", "ar", "rtl", "لا توجد غرفة كهذه"),
        ("/rooms/1/replay", "de", "de", "ltr", "Nächste Nachricht"),
    ];
    for (uri, asked, language, direction, text) in rows {
        let page = get(&site, uri, asked).await;
        assert!(page.text.contains(&format!(" lang=\"{language}\" dir=\"{direction}\">")), "{uri}: {}", page.text);
        assert_eq!((page.header("content-language"), page.header("vary")), (language, "accept-language"), "{uri}");
        assert!(page.text.contains(text), "{uri}: {text}");
    }
}

#[tokio::test]
async fn links_keep_the_language_of_the_address() {
    let site = Site::open().await;
    let token = site.guest_token(RoomId::FIRST);
    for n in 0..60 {
        site.say(&token, &n.to_string()).await;
    }
    let link = |query: &str| format!("href=\"?{query}before=");
    let embed = get(&site, "/embed/1?lang=de&theme=dark", "ar").await;
    assert!(embed.shown().contains(&link("lang=de&amp;theme=dark&amp;")), "{}", embed.shown());
    assert!(get(&site, "/?lang=ar", "de").await.shown().contains(&link("lang=ar&amp;")));
    assert!(get(&site, "/", "de").await.shown().contains(&link("")), "the browser says it by itself");
}

#[tokio::test]
async fn a_refusal_is_explained_in_the_language_that_is_asked_for() {
    let site = Site::open().await;
    let long = "x".repeat(1_501);
    let rows = [
        ("Ann", " ", "en", "The message is empty. Please enter a message.", None),
        ("Ann", " ", "de", "Die Nachricht ist leer. Bitte gib eine Nachricht ein.", None),
        ("Ann", &long, "de-CH", "Die Nachricht ist zu lang: 1.501 Zeichen, erlaubt sind höchstens 500. Bitte kürze sie.", None),
        ("", "hello", "ar", "الاسم فارغ. يُرجى إدخال اسم.", Some("username")),
        (
            "admin",
            "hello",
            "de",
            "Der Name ist denen vorbehalten, die diesen Chat betreiben. Bitte wähle einen anderen.",
            Some("username"),
        ),
        ("Ann", "", "fr", "Le message est vide. Saisissez un message.", None),
        ("Ann", "", "it", "The message is empty. Please enter a message.", None),
    ];
    for (username, text, asked, expected, field) in rows {
        let answer = say(&site, username, text, asked).await;
        assert_eq!(answer.error(), expected);
        assert_eq!(answer.json["data"]["field"].as_str(), field, "{expected}");
        assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "accept-language"), "{:?}", answer.headers);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("content-length"), answer.text.len().to_string());
    }
    site.administer("/v1/streams/1/settings", &json!({ "slow_mode_seconds": 7 })).await;
    assert_eq!(say(&site, "Ann", "one", "de").await.status, 200);
    site.administer("/v1/streams/1/end", &json!({})).await;
    assert_eq!(say(&site, "Ann", "two", "de").await.error(), "Dieser Chat ist zu Ende.");
}

#[tokio::test]
async fn a_refusal_keeps_its_headers_in_every_language() {
    let site = Site::open().await;
    site.administer("/v1/streams/1/settings", &json!({ "slow_mode_seconds": 90 })).await;
    let token = site.guest_token(RoomId::FIRST);
    let body = json!({ "type": "broadcast", "widget_key": WIDGET_KEY, "message": { "username": "Ann", "message_text": "hi" } });
    let send = async || {
        let request = Request::post(format!("/publish/1?token={token}")).header("content-type", "application/json");
        let request = request.header("accept-language", "de").header("origin", "https://fans.example");
        site.send(request.body(Body::from(body.to_string())).expect("a request")).await
    };
    assert_eq!(send().await.status, 200);
    let refused = send().await;
    let wait = refused.header("retry-after");
    assert_eq!(refused.error(), format!("Der langsame Modus ist an. Du kannst in {wait} s wieder schreiben."));
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (429, "*"));
}

#[tokio::test]
async fn what_is_told_to_programs_is_english() {
    let site = Site::open().await;
    let request = Request::post("/v1/streams/create").header("authorization", format!("Bearer {ADMIN_KEY}"));
    let request = request.header("content-type", "application/json").header("accept-language", "de");
    let answer = site.send(request.body(Body::from(r#"{"name":7}"#)).expect("a request")).await;
    assert!(answer.error().contains("\"name\" cannot be read"), "{}", answer.text);
}

#[tokio::test]
async fn a_form_is_answered_in_its_language() {
    let site = Site::open().await;
    let post = async |uri: &str, body: &str| {
        let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded");
        site.send(request.header("accept-language", "de").body(Body::from(body.to_owned())).expect("a request")).await
    };
    let rows = [
        ("/", "username=Ann&message=+", "Die Nachricht ist leer. Bitte gib eine Nachricht ein."),
        ("/", "username=Ann", "Das Formular konnte nicht gelesen werden."),
        ("/?lang=ar", "username=+&message=hi", "الاسم فارغ. يُرجى إدخال اسم."),
    ];
    for (uri, body, error) in rows {
        assert!(post(uri, body).await.shown().contains(error), "{uri} {body}");
    }
    assert_eq!(post("/?lang=ar", "username=Ann&message=hi").await.header("location"), "/?lang=ar");
    let entered = post("/rooms/1/enter", "token=none").await;
    assert!(entered.shown().contains("Das Token ist ungültig. Ein neues Abonnement bringt ein neues."), "{}", entered.text);
}

#[tokio::test]
async fn what_must_hold_for_a_setting_is_said_in_the_language_of_the_form() {
    let site = Site::open().await;
    let cookie = format!("live-chat-admin={}", site.hub.sign_in());
    let many = vec!["x"; 501].join("%0A");
    let rows = [
        ("name", " ", "Hier müssen 1 bis 128 Zeichen stehen, keine Steuerzeichen."),
        ("slug", "7", "Hier müssen 1 bis 64 Zeichen aus a–z, 0–9 und - stehen, nicht nur Ziffern."),
        ("description", &"x".repeat(2_001), "Hier dürfen höchstens 2.000 Zeichen stehen."),
        ("retention_days", "36501", "Erlaubt sind 0 bis 36500 Tage (hundert Jahre)."),
        ("slow_mode_seconds", "21601", "Erlaubt sind 0 bis 21600 Sekunden (sechs Stunden)."),
        ("messages_per_minute", "60001", "Erlaubt ist 0 bis 60000."),
        ("blocked_words", &many, "Erlaubt sind höchstens 500 Wörter mit 1 bis 64 Zeichen, nicht * allein."),
        ("established_minutes", "10081", "Erlaubt sind 0 bis 10080 Minuten (eine Woche)."),
        ("repeat_seconds", "3601", "Erlaubt sind 0 bis 3600 Sekunden (eine Stunde)."),
        (
            "pinned_message",
            "nothing",
            "Hier muss die Kennung einer öffentlichen Nachricht dieses Raums stehen, die nicht gelöscht ist.",
        ),
    ];
    for (name, value, error) in rows {
        let request = Request::post("/admin/rooms/1").header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("cookie", &cookie).header("sec-fetch-site", "same-origin").header("accept-language", "de");
        let answer = site.send(request.body(Body::from(format!("{name}={value}"))).expect("a request")).await;
        assert!(answer.shown().contains(error), "{name}: {}", answer.shown());
    }
}
