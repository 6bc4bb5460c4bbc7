//! The page's files: scripts, WebAssembly, styles, and what other sites load.
//!
//! A page names them under `/v/<version>/`, where the version is a digest of all of them: such an address never changes its content and
//! is kept for good. Under their own names they are good until they change, which an `ETag` tells. Their dates tell nothing: after a way
//! back to an earlier release, or in an image whose files all have one date, an older file is not the one that a browser has.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use ring::digest::{self, SHA256};
use tower_http::services::ServeDir;

use super::{asked::Asked, ivs, page::not_found, state::AppState};

/// What a versioned address begins with.
const VERSIONED: &str = "/v/";

/// Hexadecimal digits of a digest that stand in an address or a tag: 64 bits.
const DIGITS: usize = 16;

/// A year, the longest that is of use (RFC 9111, 5.2.2.1; RFC 8246).
pub(super) const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const UNTIL_CHANGED: HeaderValue = HeaderValue::from_static("no-cache");

/// The files as they were when the program started. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Assets(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    /// By path, with `/` between its parts.
    files: BTreeMap<String, File>,
    version: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct File {
    length: u64,
    modified: Option<SystemTime>,
    digest: String,
}

impl Assets {
    /// Reads the files below `root`; none if there is no such folder.
    ///
    /// While the development tool watches the sources the files change under the running program, so that no address is versioned.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        if root.is_dir() {
            collect(root, root, &mut files)?;
        }
        let is_watched = std::env::var_os("LEPTOS_WATCH").is_some();
        let version = (!is_watched && !files.is_empty()).then(|| version(&files));
        Ok(Self(Arc::new(Inner { root: root.to_owned(), files, version })))
    }

    /// Returns what the address of every file begins with, for as long as the files are these.
    pub fn base(&self) -> String {
        self.0.version.as_ref().map(|version| format!("{VERSIONED}{version}")).unwrap_or_default()
    }

    /// Returns whether there is a file of this path.
    pub fn has(&self, path: &str) -> bool {
        self.0.files.contains_key(path)
    }

    /// Returns the path of a file of this version, or why there is none.
    fn path_of<'a>(&self, path: &'a str) -> Result<(&'a str, bool), OtherVersion> {
        let Some(rest) = path.strip_prefix(VERSIONED) else { return Ok((path, false)) };
        let (version, _) = rest.split_once('/').ok_or(OtherVersion)?;
        if self.0.version.as_deref() == Some(version) { Ok((&rest[version.len()..], true)) } else { Err(OtherVersion) }
    }

    /// Returns the digest of a file, if it still is as it was.
    fn digest(&self, path: &str) -> Option<&str> {
        let path = path.trim_start_matches('/');
        let file = self.0.files.get(path)?;
        let now = fs::metadata(self.0.root.join(path)).ok()?;
        (now.len() == file.length && now.modified().ok() == file.modified).then_some(&*file.digest)
    }
}

/// A file was asked for of another version than this program has.
struct OtherVersion;

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
            continue;
        }
        let about = fs::metadata(&path)?;
        let digest = hex(digest::digest(&SHA256, &fs::read(&path)?).as_ref());
        let file = File { length: about.len(), modified: about.modified().ok(), digest };
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        files.insert(name, file);
    }
    Ok(())
}

fn version(files: &BTreeMap<String, File>) -> String {
    let mut all = digest::Context::new(&SHA256);
    for (path, file) in files {
        all.update(path.as_bytes());
        all.update(file.digest.as_bytes());
    }
    hex(all.finish().as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that has no route: a file of the site, or a page that says that there is none.
pub(super) async fn file_or_not_found(State(state): State<AppState>, request: Request) -> Response {
    let asked = Asked::of(request.uri().clone(), request.headers());
    let is_of_sdk = ivs::is_of_sdk(request.headers());
    match *request.method() {
        Method::GET | Method::HEAD => {}
        _ if is_of_sdk => return ivs::elsewhere(&asked.uri),
        _ => return not_found(&state, asked).await,
    }
    let (path, is_versioned) = match state.assets.path_of(request.uri().path()) {
        Ok((path, is_versioned)) => (path.to_owned(), is_versioned),
        Err(OtherVersion) => return other_version(),
    };
    match serve(&state.assets, request, &path, is_versioned).await {
        Ok(response) if response.status() != StatusCode::NOT_FOUND => response,
        Err(error) if error.kind() != io::ErrorKind::InvalidFilename => {
            tracing::error!(%error, "a file of the site cannot be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        _ if is_of_sdk => ivs::elsewhere(&asked.uri),
        // No file has such a name, or the file system could not even hold it.
        _ => not_found(&state, asked).await,
    }
}

/// For a page that was rendered by another version. What a cache kept of this would outlive a way back.
fn other_version() -> Response {
    let why = "This file belongs to another version of the chat. Please reload the page.\n";
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], why)
        .into_response()
}

async fn serve(assets: &Assets, mut request: Request, path: &str, is_versioned: bool) -> io::Result<Response> {
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    if let Ok(uri) = path.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    for conditional in [header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE, header::IF_RANGE, header::IF_NONE_MATCH] {
        request.headers_mut().remove(conditional);
    }
    let mut files = ServeDir::new(&assets.0.root).precompressed_br().precompressed_gzip().append_index_html_on_directories(false);
    let mut response = files.try_call(request).await?.map(Body::new);
    if !response.status().is_success() {
        return Ok(response);
    }
    let digest = assets.digest(path);
    // Weak: the same for each coding of the content (RFC 9110, 8.8.1).
    let tag = digest.map(|digest| HeaderValue::try_from(format!("W/\"{digest}\"")).expect("hexadecimal digits"));
    if tag.is_some() && known.is_some_and(|known| matches(&known, tag.as_ref())) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let is_for_good = is_versioned && digest.is_some();
    let headers = response.headers_mut();
    headers.remove(header::LAST_MODIFIED);
    headers.insert(header::CACHE_CONTROL, if is_for_good { FOR_GOOD } else { UNTIL_CHANGED });
    headers.extend(tag.map(|tag| (header::ETAG, tag)));
    open_to_all(headers);
    Ok(response)
}

/// Whether a list of tags (`If-None-Match`) has this one.
fn matches(known: &HeaderValue, tag: Option<&HeaderValue>) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let (Ok(known), Some(Ok(tag))) = (known.to_str(), tag.map(HeaderValue::to_str)) else { return false };
    known.trim() == "*" || known.split(',').any(|known| strong(known) == strong(tag))
}

/// Lets every page load it: in a frame without an origin of its own (`sandbox` without `allow-same-origin`) our own files are those of
/// another site, and hosts that isolate themselves take only what says that it may be taken (Fetch, `Cross-Origin-Resource-Policy`).
pub(super) fn open_to_all(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
}
