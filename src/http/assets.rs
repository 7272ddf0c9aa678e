//! The web client's files: embedded in release builds, read from disk in debug builds, tagged and compressed once.

use std::io::Write;
use std::sync::Arc;

use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use dashmap::DashMap;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::RustEmbed;
use warp::reply::Response;

use super::edge::AsIs;
use super::tag;

/// Quality of brotli at start; 9 is within 2 % of 11 at a tenth of the time. Debug builds run unoptimised and take 1.
const BROTLI_QUALITY: i32 = if cfg!(debug_assertions) { 1 } else { 9 };
/// Longest path of a file; ours are far shorter.
const PATH_BYTES_MAX: usize = 200;
/// What a page says when the client's files are missing from the build.
const NO_SHELL: &[u8] = b"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Domu Match</title><p>The web client is not part of this build.</p></html>";

#[derive(RustEmbed)]
#[folder = "static/"]
#[allow_missing = true]
struct Embedded;

/// The kinds of file that are served, with their media types. Any other file in the folder does not exist outside.
fn media_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

/// One file, ready to be sent.
#[derive(Debug)]
struct Asset {
    content_type: &'static str,
    hash: String,
    identity: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
}

impl Asset {
    fn new(content_type: &'static str, bytes: Bytes) -> Self {
        let hash = tag::of(&bytes);
        let text = !matches!(content_type, "image/png" | "image/webp" | "font/woff2");
        // A variant that saves less than a tenth is not worth a second copy.
        let worth = |packed: Vec<u8>| (packed.len() < bytes.len() / 10 * 9).then(|| Bytes::from(packed));
        let brotli = text.then(|| pack_brotli(&bytes)).flatten().and_then(worth);
        let gzip = text.then(|| pack_gzip(&bytes)).flatten().and_then(worth);
        Self { content_type, hash, identity: bytes, brotli, gzip }
    }

    /// The best variant the client takes, with the name of its encoding.
    fn variant(&self, headers: &HeaderMap) -> (&Bytes, Option<&'static str>) {
        let (brotli, gzip) = (quality(headers, "br"), quality(headers, "gzip"));
        match (&self.brotli, &self.gzip) {
            (Some(bytes), _) if brotli > 0 && (brotli >= gzip || self.gzip.is_none()) => (bytes, Some("br")),
            (_, Some(bytes)) if gzip > 0 => (bytes, Some("gzip")),
            _ => (&self.identity, None),
        }
    }
}

/// All files that are served.
#[derive(Debug, Default)]
pub struct Assets {
    files: DashMap<String, Arc<Asset>>,
    /// Whether files are read again when they change on disk.
    live: bool,
}

impl Assets {
    /// The web client of this build, compressed now in release builds and at first use in debug builds.
    pub fn load() -> Self {
        let assets = Self { files: DashMap::new(), live: cfg!(debug_assertions) };
        if !assets.live {
            for path in Embedded::iter() {
                if let (Some(kind), Some(file)) = (media_type(&path), Embedded::get(&path)) {
                    assets.files.insert(path.to_string(), Arc::new(Asset::new(kind, file.data.into_owned().into())));
                }
            }
        }
        assets
    }

    /// A file under `/static/`, or none when there is no such file.
    pub fn file(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let asset = self.find(path)?;
        let mut response = send(&asset, headers);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Some(response)
    }

    /// A page: the same file whoever asks, but never kept, so that nothing private shows after signing out.
    pub fn page(&self, path: &str, status: StatusCode, headers: &HeaderMap) -> Response {
        let fallback = || Arc::new(Asset::new("text/html; charset=utf-8", Bytes::from_static(NO_SHELL)));
        let asset = self.find(path).unwrap_or_else(fallback);
        let mut accepts = HeaderMap::new();
        if let Some(value) = headers.get(ACCEPT_ENCODING) {
            accepts.insert(ACCEPT_ENCODING, value.clone());
        }
        let mut response = send(&asset, &accepts);
        response.headers_mut().remove(ETAG);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        *response.status_mut() = status;
        response
    }

    fn find(&self, path: &str) -> Option<Arc<Asset>> {
        let kind = media_type(path).filter(|_| is_plain(path))?;
        let known = self.files.get(path).map(|asset| Arc::clone(&asset));
        if !self.live {
            return known;
        }
        let bytes = Embedded::get(path)?.data;
        if let Some(known) = known.filter(|known| known.identity == bytes.as_ref()) {
            return Some(known);
        }
        let asset = Arc::new(Asset::new(kind, bytes.into_owned().into()));
        self.files.insert(path.to_owned(), Arc::clone(&asset));
        Some(asset)
    }
}

/// Whether a path can be one of ours: plain names joined by single slashes, none of them hidden. Percent signs,
/// backslashes, dot segments and absolute paths never reach the disk.
fn is_plain(path: &str) -> bool {
    path.len() <= PATH_BYTES_MAX
        && path.split('/').all(|name| {
            !name.is_empty()
                && !name.starts_with('.')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        })
}

fn send(asset: &Asset, headers: &HeaderMap) -> Response {
    let (bytes, encoding) = asset.variant(headers);
    // A strong tag names exact bytes, so each variant has its own.
    let name = format!("\"{}{}\"", asset.hash, encoding.map(|name| format!("-{name}")).unwrap_or_default());
    let mut response = if tag::matches(headers, &name) {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(bytes.clone().into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
        if let Some(encoding) = encoding {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    };
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(ETAG, name);
    }
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    response.extensions_mut().insert(AsIs);
    response
}

/// How much the client wants an encoding, in thousandths; 0 is not at all.
fn quality(headers: &HeaderMap, name: &str) -> u16 {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let mut any = 0;
    for item in lines.flat_map(|line| line.split(',')) {
        let (coding, parameter) = item.split_once(';').unwrap_or((item, "q=1"));
        let quality = parameter.trim().strip_prefix("q=").map_or(1000, thousandths);
        match coding.trim() {
            coding if coding.eq_ignore_ascii_case(name) => return quality,
            "*" => any = quality,
            _ => {}
        }
    }
    any
}

/// A quality value of RFC 9110, `0` to `1` with up to three digits, in thousandths; anything else is 0.
fn thousandths(text: &str) -> u16 {
    match text.split_once('.').unwrap_or((text, "")) {
        ("1", _) => 1000,
        ("0", digits) if digits.len() <= 3 => format!("{digits:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

fn pack_brotli(bytes: &[u8]) -> Option<Vec<u8>> {
    let parameters = BrotliEncoderParams { quality: BROTLI_QUALITY, ..BrotliEncoderParams::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters).ok()?;
    Some(packed)
}

fn pack_gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use http::header::IF_NONE_MATCH;

    use super::*;

    fn assets() -> Assets {
        let assets = Assets::default();
        let script = Asset::new("text/javascript; charset=utf-8", "export const a = 1;\n".repeat(200).into());
        assets.files.insert("js/app.js".into(), Arc::new(script));
        assets
            .files
            .insert("tiny.css".into(), Arc::new(Asset::new("text/css; charset=utf-8", Bytes::from_static(b"a{}"))));
        assets
    }

    fn accepts(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn encoding(accept: &'static str) -> Option<String> {
        let response = assets().file("js/app.js", &accepts(&[(ACCEPT_ENCODING, accept)])).unwrap();
        response.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_client_chooses_the_encoding() {
        for (accept, expected) in [
            ("gzip, deflate, br", Some("br")),
            ("gzip", Some("gzip")),
            ("br;q=0.5, gzip;q=0.8", Some("gzip")),
            ("br;q=0, gzip;q=0", None),
            ("", None),
            ("*", Some("br")),
            ("br;q=0, *", Some("gzip")),
            ("identity", None),
            ("BR", Some("br")),
            ("br;q=x", None),
            ("brx", None),
        ] {
            assert_eq!(encoding(accept).as_deref(), expected, "{accept:?}");
        }
    }

    #[test]
    fn what_does_not_shrink_is_sent_as_it_is() {
        let response = assets().file("tiny.css", &accepts(&[(ACCEPT_ENCODING, "br, gzip")])).unwrap();
        assert!(!response.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(response.headers()[CONTENT_TYPE], "text/css; charset=utf-8");
    }

    #[test]
    fn a_tag_names_one_variant() {
        let tag = |accept| {
            assets().file("js/app.js", &accepts(&[(ACCEPT_ENCODING, accept)])).unwrap().headers()[ETAG].clone()
        };
        assert!(tag("br") != tag("gzip") && tag("gzip") != tag("identity"));
        let again = |sent: &str, accept| {
            let mut headers = accepts(&[(ACCEPT_ENCODING, accept)]);
            headers.insert(IF_NONE_MATCH, HeaderValue::from_str(sent).unwrap());
            assets().file("js/app.js", &headers).unwrap()
        };
        let plain = tag("br");
        let plain = plain.to_str().unwrap();
        for sent in [plain.to_owned(), format!("W/{plain}"), format!("\"x\", {plain}"), "*".into()] {
            let response = again(&sent, "br");
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{sent}");
            assert!(response.headers().contains_key(ETAG) && response.headers().contains_key(VARY));
        }
        assert_eq!(again(plain, "gzip").status(), StatusCode::OK);
        assert_eq!(again("\"x\"", "br").status(), StatusCode::OK);
    }

    #[test]
    fn only_listed_files_exist() {
        let live = Assets { live: true, ..Assets::default() };
        for path in [
            "",
            "/",
            "js",
            "js/",
            "../Cargo.toml",
            "..%2fCargo.toml",
            "%2e%2e/Cargo.toml",
            "js/../../Cargo.toml",
            "..\\Cargo.toml",
            "/etc/passwd",
            "js//app.js",
            ".git/config",
            ".env",
            "~",
            "app.js%00.css",
            "app.js\0",
            "domu.sqlite",
            "js/app.js/",
            "./js/app.js",
            "../../etc/passwd.txt",
            "../Cargo.json",
            "a/.hidden.js",
            "C:\\x.js",
        ] {
            assert!(live.file(path, &HeaderMap::new()).is_none(), "{path:?}");
            assert!(assets().file(path, &HeaderMap::new()).is_none(), "{path:?}");
        }
        assert!(assets().file("js/app.js", &HeaderMap::new()).is_some());
    }

    #[test]
    fn a_page_is_never_kept() {
        let page = assets().page("index.html", StatusCode::NOT_FOUND, &accepts(&[(IF_NONE_MATCH, "*")]));
        assert_eq!(page.status(), StatusCode::NOT_FOUND);
        assert_eq!(page.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    }
}
