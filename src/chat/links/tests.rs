use super::*;

/// The text with its links in `‹›`: as their addresses, or in `‹!›` if they are not to be followed; after `=` what is shown instead.
fn marked(text: &str) -> String {
    let (mut marked, mut from) = (String::new(), 0);
    for link in links(text) {
        assert_eq!(&text[link.start..link.end()], link.text, "{text:?}");
        marked.push_str(&text[from..link.start]);
        match link.prefix() {
            Some(prefix) => {
                let shown = link.shown().map(|shown| format!("={shown}")).unwrap_or_default();
                marked.extend(["‹", prefix, link.text, &shown, "›"]);
            }
            None => marked.extend(["‹!", link.text, "›"]),
        }
        from = link.end();
    }
    marked + &text[from..]
}

fn check(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(marked(text), *expected, "{text:?}");
    }
}

/// None of the texts has a link.
fn check_none(texts: &[&str]) {
    for text in texts {
        assert_eq!(marked(text), *text);
    }
}

#[test]
fn addresses_are_found_beside_any_script_and_punctuation() {
    check(&[
        ("请看https://video.test/a，谢谢", "请看‹https://video.test/a›，谢谢"),
        ("⇒https://video.test/a", "⇒‹https://video.test/a›"),
        ("『https://video.test/a』です", "『‹https://video.test/a›』です"),
        ("링크https://video.test/a입니다 네", "링크‹https://video.test/a입니다› 네"),
        ("https://video.test를 보세요", "‹https://video.test›를 보세요"),
        ("https://video.test。谢谢", "‹https://video.test›。谢谢"),
        ("https://video.test。thanks", "‹https://video.test›。thanks"),
        ("https://video.test/s（笑）", "‹https://video.test/s›（笑）"),
        ("👀https://video.test/a🎉 yes", "👀‹https://video.test/a›🎉 yes"),
        ("‘https://video.test/a’ and ‹https://video.test/b›", "‘‹https://video.test/a›’ and ‹‹https://video.test/b››"),
        ("https://video.test/a–b… https://video.test/c…d", "‹https://video.test/a›–b… ‹https://video.test/c›…d"),
        ("жhttps://video.test/ж", "ж‹https://video.test/ж›"),
        ("end.https://video.test and x+https://video.test", "end.‹https://video.test› and x+‹https://video.test›"),
        ("_https://video.test/a_", "_‹https://video.test/a›_"),
        ("HttpS://VIDEO.test:8080/?q=1&amp;r=2#x", "‹HttpS://VIDEO.test:8080/?q=1&amp;r=2#x›"),
        ("[t](https://video.test/a_(b)_c)", "[t](‹https://video.test/a_(b)_c›)"),
        ("انظر https://video.test/a، ثم", "انظر ‹https://video.test/a›، ثم"),
        ("http://localhost:3000 http://[::1]:80/ http://0x7f.1/", "‹http://localhost:3000› ‹http://[::1]:80/› ‹http://0x7f.1/›"),
        ("https://video.test:80: ok, https://video.test:x", "‹https://video.test:80›: ok, ‹https://video.test›:x"),
        ("https://https://video.test", "‹https://https://video.test›"),
        ("https://example.рф/ https://xn--e1afmkfd.xn--p1ai", "‹https://example.рф/› ‹https://xn--e1afmkfd.xn--p1ai›"),
        ("https://ev\u{200b}il.com/a\u{200b}b", "‹https://ev\u{200b}il.com/a›\u{200b}b"),
        ("https://video.test\u{202e}gpj.exe", "‹https://video.test›\u{202e}gpj.exe"),
    ]);
    check_none(&[
        "https://",
        "http://[",
        "https://)",
        "http:// x",
        "http://[12]/",
        "http:///etc/passwd",
        "ahttps://video.test",
        "1http://a",
    ]);
}

#[test]
fn domains_are_found_without_a_scheme() {
    check(&[
        ("see example.com.", "see ‹https://example.com›."),
        ("www.example.co.uk, EXAMPLE.ORG/a?b!", "‹https://www.example.co.uk›, ‹https://EXAMPLE.ORG/a?b›!"),
        ("(bit.ly/xyz) and example.com:8080/x", "(‹https://bit.ly/xyz›) and ‹http://example.com:8080/x›"),
        (
            "example.com?q=1 example.com#top example.com?",
            "‹https://example.com?q=1› ‹https://example.com#top› ‹https://example.com›?",
        ),
        ("看youtube.com吧 youtube.com에서", "看‹https://youtube.com›吧 ‹https://youtube.com›에서"),
        ("пример.рф и ПРИМЕР.РФ/а", "‹https://пример.рф› и ‹https://ПРИМЕР.РФ/а›"),
        ("bücher.de 例え.jp 例え.みんな", "‹https://bücher.de› ‹https://例え.jp› ‹https://例え.みんな›"),
        ("a.xn--p1ai xn--80ak6aa92e.com", "‹https://a.xn--p1ai› ‹https://xn--80ak6aa92e.com›"),
        (
            "...example.com example.com's «example.com»",
            "...‹https://example.com› ‹https://example.com›'s «‹https://example.com›»",
        ),
        ("**_example.com_** --example.com--", "**_‹https://example.com›_** --‹https://example.com›--"),
        ("example.com./x 163.com", "‹https://example.com./x› ‹https://163.com›"),
        ("user@example.com,example.com", "user@example.com,‹https://example.com›"),
    ]);
    check_none(&[
        "example.test",
        "a.b",
        ".com",
        "com",
        "com.",
        "foo.np",
        "x.comm",
        "9.99 5.km 3.de",
        "example..com",
        "example.com_x",
        "e.g. this",
        "J. R. R. T.",
        "Hello.There",
        "Wait...what?",
        "1.2.3.4",
        "version 2.0.1",
        "clip.webm",
        "react.js",
        "10:30",
        "and/or",
        "me@example.com",
        "@example.com",
        "first.last@mail.com",
        "mailto:me@example.com",
        "今天很好。me too",
        "好。com",
    ]);
}

#[test]
fn suffixes_that_are_words_need_more() {
    check(&[
        ("www.example.md notes.md/x notes.md:80", "‹https://www.example.md› ‹https://notes.md/x› ‹http://notes.md:80›"),
        ("t.me/joinchat goo.gl/x youtu.be/x", "‹https://t.me/joinchat› ‹https://goo.gl/x› ‹https://youtu.be/x›"),
        ("example.co.in", "‹https://example.co.in›"),
    ]);
    check_none(&[
        "NOTES.md",
        "main.rs",
        "setup.py",
        "build.sh",
        "photos.zip",
        "clip.mov",
        "user.name",
        "array.map",
        "It was great.So we left",
        "ok.Now",
        "yes.It is",
        "at 5.pm",
        "this.is",
        "src/main.rs:7:12 failed",
        "System.out, Date.now",
    ]);
}

#[test]
fn hosts_written_to_pass_a_filter_are_links_as_in_a_browser() {
    check(&[
        ("ｅｘａｍｐｌｅ．ｃｏｍ", "‹https://ｅｘａｍｐｌｅ．ｃｏｍ›"),
        ("example。com example｡com/x", "‹https://example。com› ‹https://example｡com/x›"),
        ("ex\u{ad}am\u{200b}ple.c\u{2060}om", "‹https://ex\u{ad}am\u{200b}ple.c\u{2060}om›"),
        ("𝕖𝕩𝕒𝕞𝕡𝕝𝕖.𝕔𝕠𝕞 ⓔx.ⓒⓞⓜ", "‹https://𝕖𝕩𝕒𝕞𝕡𝕝𝕖.𝕔𝕠𝕞› ‹https://ⓔx.ⓒⓞⓜ›"),
        ("example.ﬁ example.㏄", "‹https://example.ﬁ› ‹https://example.㏄›"),
        ("hxxps://example.com //example.com", "hxxps://‹https://example.com› //‹https://example.com›"),
        ("http:/\\example.com http:example.com", "http:/\\‹https://example.com› http:‹https://example.com›"),
        ("http:\\\\1.2.3.4 http:/0x7f.1", "http:\\\\‹http://1.2.3.4› http:/‹http://0x7f.1›"),
        (
            "1.2.3.4/x 1.2.3.4:80 0x7f.1/x 0300.1.1.1/",
            "‹http://1.2.3.4/x› ‹http://1.2.3.4:80› ‹http://0x7f.1/x› ‹http://0300.1.1.1/›",
        ),
        ("[2001:db8::1]/x [::1]:8080 [::1]", "‹http://[2001:db8::1]/x› ‹http://[::1]:8080› [::1]"),
        ("❤.ws ❤\u{fe0f}.ws", "‹https://❤.ws› ‹https://❤\u{fe0f}.ws›"),
    ]);
    check_none(&["3.5/10", "24/7", "29.11.2026/x", "1.2.3.999/x", "[12:30]/x", "[a]/b", "1.2.3.4: yes"]);
}

#[test]
fn disguised_links_are_found_and_not_followed() {
    check(&[
        ("https://good.test@evil.test/", "‹!https://good.test@evil.test/›"),
        ("https://good.com:443@evil.com/x y", "‹!https://good.com:443@evil.com/x› y"),
        ("good.com@evil.com/x", "good.com@‹!evil.com/x›"),
    ]);
}

#[test]
fn hosts_that_imitate_others_are_shown_as_what_they_are() {
    check(&[
        ("https://gооd.test/", "‹https://gооd.test/=https://xn--gd-fmca.test/›"),
        ("see gооgle.com/а?b.", "see ‹https://gооgle.com/а?b=xn--ggle-55da.com/а?b›."),
        ("https://аррӏе.com:8080/", "‹https://аррӏе.com:8080/=https://xn--80ak6aa92e.com:8080/›"),
        ("https://gооgle.com.good.test", "‹https://gооgle.com.good.test=https://xn--ggle-55da.com.good.test›"),
        ("https://good.test/gооgle.com", "‹https://good.test/gооgle.com›"),
        ("https://почта.com/ αβγ.com", "‹https://почта.com/› ‹https://αβγ.com›"),
        ("東京abc.jp 한국abc.kr", "東京‹https://abc.jp› 한국‹https://abc.kr›"),
        ("https://東京abc.jp/", "‹https://東京abc.jp/›"),
        ("https://shopไทย.test/", "‹https://shopไทย.test/=https://xn--shop-ehovdum.test/›"),
    ]);
}

#[test]
fn nothing_but_web_addresses_is_a_link() {
    check_none(&[
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "javascript://x/%0aalert(1)",
        "ftp://files.test",
        "file:///etc/passwd",
        "tel:+1",
        "://",
        "é://",
    ]);
}

/// Each of these repeats made a search quadratic that reads anything twice: at this size it would not end.
#[test]
fn long_texts_are_read_once() {
    let units = [
        "a",
        ".",
        "-",
        "_",
        "a.",
        "a。",
        "a.b",
        "a-",
        "é",
        "あ",
        "あa",
        "a.comあ",
        "com.",
        "0x7f.",
        "1.",
        "[",
        "[:",
        "[::",
        "https://",
        "https://@",
        "https://)",
        "https://a",
        "https://(",
        "https:",
        "http:/\\",
        "https:////",
        "a@",
        "a.com@",
        "@a.com/",
        ")",
        "a.com/)",
        "a.com:1",
        "\u{200b}",
        "a\u{200b}",
        "a.\u{200b}",
        "xn--a.",
        "a.com/(",
        "аa.com ",
        "?",
        "https://a。",
    ];
    for unit in units {
        let text = unit.repeat(50_000 / unit.len());
        for text in [&*text, &format!("https://a.com/{text}"), &format!("https://{text}"), &format!("a.com/{text}.com")] {
            links(text).for_each(drop);
        }
    }
}
