use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use axum::{body::Body, http::Request};
use tempfile::TempDir;

use super::{Answer, Site, site::Setting};
use crate::server::Assets;

/// A site whose files are `live-chat.js`, of that content, and `embed.js`.
async fn site_with(script: &str) -> (Site, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("pkg")).expect("a folder");
    write(folder.path(), "pkg/live-chat.js", script, 1_000_000);
    write(folder.path(), "embed.js", "embed", 1_000_000);
    write(folder.path(), "pkg/split_menu.wasm", "part", 1_000_000);
    write(folder.path(), "pkg/split_menu.wasm.br", "part, compressed", 1_000_000);
    // For as long as the test runs.
    let root = folder.path().to_string_lossy().into_owned().leak();
    (Site::with(Setting { site_root: root, ..Setting::default() }).await, folder)
}

fn write(root: &Path, path: &str, content: &str, seconds: u64) {
    fs::write(root.join(path), content).expect("a file");
    let file = fs::File::options().write(true).open(root.join(path)).expect("a file");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("a time");
}

async fn get(site: &Site, path: &str, header: (&str, &str)) -> Answer {
    site.send(Request::get(path).header(header.0, header.1).body(Body::empty()).expect("a request")).await
}

/// The address of the script that a page names.
fn script(page: &str) -> Option<String> {
    let part = page.split('"').find(|part| part.starts_with("/v/") && part.ends_with("/live-chat.js"))?;
    Some(part.to_owned())
}

#[tokio::test]
async fn what_a_page_names_is_kept_for_good_and_never_changes() {
    let ((one, _first), (other, _second)) = (site_with("one").await, site_with("two").await);
    let path = script(&one.get("/").await.text).expect("a script");
    let file = one.get(&path).await;
    assert_eq!((file.status, &*file.text), (200, "one"));
    assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
    // The other release names another address, and has nothing at this one that a cache could keep.
    assert_ne!(script(&other.get("/").await.text).as_ref(), Some(&path));
    let gone = other.get(&path).await;
    assert_eq!((gone.status, gone.header("cache-control")), (404, "no-store"));
}

#[tokio::test]
async fn an_older_file_after_a_way_back_is_sent() {
    let (site, _folder) = site_with("new").await;
    let new = site.get("/pkg/live-chat.js").await;
    let tag = new.header("etag").to_owned();
    assert!(!new.headers.contains_key("last-modified"));
    assert_eq!(new.header("cache-control"), "no-cache");
    assert_eq!(get(&site, "/pkg/live-chat.js", ("if-none-match", &tag)).await.status, 304);
    assert_eq!(get(&site, "/pkg/live-chat.js", ("if-none-match", &format!("\"x\", {tag}"))).await.status, 304);
    let (before, _folder) = site_with("old").await;
    let later = "Fri, 01 Jan 2038 00:00:00 GMT";
    for header in [("if-none-match", &*tag), ("if-modified-since", later)] {
        let old = get(&before, "/pkg/live-chat.js", header).await;
        assert_eq!((old.status, &*old.text), (200, "old"), "{header:?}");
    }
}

#[tokio::test]
async fn a_file_that_changes_under_the_running_program_is_not_kept() {
    let (site, folder) = site_with("first").await;
    let (base, tag) =
        (Assets::read(folder.path()).expect("files").base(), site.get("/pkg/live-chat.js").await.header("etag").to_owned());
    write(folder.path(), "pkg/live-chat.js", "later", 2_000_000);
    for path in ["/pkg/live-chat.js".to_owned(), format!("{base}/pkg/live-chat.js")] {
        let file = get(&site, &path, ("if-none-match", &tag)).await;
        assert_eq!((file.status, &*file.text, file.header("cache-control")), (200, "later", "no-cache"), "{path}");
    }
}

#[tokio::test]
async fn pages_of_every_origin_may_load_the_files() {
    let (site, _folder) = site_with("script").await;
    for path in ["/embed.js", "/pkg/live-chat.js"] {
        let file = get(&site, path, ("origin", "null")).await;
        assert_eq!((file.status, file.header("access-control-allow-origin")), (200, "*"), "{path}");
        assert_eq!(file.header("cross-origin-resource-policy"), "cross-origin", "{path}");
    }
    for path in ["/v/", "/v/x", "/v/0000000000000000/embed.js", "/v/../embed.js"] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
}

/// A script names these files relative to itself, so that their addresses have its version.
#[tokio::test]
async fn parts_that_are_loaded_on_demand_are_of_the_page_s_version() {
    let ((one, _first), (other, _second)) = (site_with("one").await, site_with("two").await);
    let script = script(&one.get("/").await.text).expect("a script");
    let path = script.replace("live-chat.js", "split_menu.wasm");
    let part = get(&one, &path, ("accept-encoding", "br")).await;
    assert_eq!((part.status, &*part.text), (200, "part, compressed"));
    let headers = [
        ("content-type", "application/wasm"),
        ("content-encoding", "br"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
    ];
    for (name, value) in headers {
        assert_eq!(part.header(name), value, "{name}");
    }
    assert_eq!(get(&one, &path, ("accept-encoding", "identity")).await.text, "part");
    // A page of the release before gets no part of this one.
    let gone = other.get(&path).await;
    assert_eq!((gone.status, gone.header("cache-control")), (404, "no-store"));
    assert_eq!(gone.header("access-control-allow-origin"), "*");
}

/// The scripts in a folder and below it.
fn scripts(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => scripts(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "js"))
        .collect()
}

#[test]
fn no_script_has_a_lookbehind_which_older_safaris_cannot_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = [scripts(&root.join("public")), scripts(&root.join("src"))].concat();
    assert!(all.len() > 2, "{all:?}");
    for path in all {
        let code = fs::read_to_string(&path).expect("a script");
        assert!(!code.contains("(?<=") && !code.contains("(?<!"), "{}", path.display());
    }
}
