//! Talking to the Hugging Face hub, or to a mirror of it.

use super::PullError;
use super::catalogue::is_sha256;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{HeaderMap, StatusCode, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Proxy};

const ENDPOINT: &str = "https://huggingface.co";

/// A hub: where it is, who asks, and how patiently.
#[derive(Clone)]
pub struct Hub {
    agent: Agent,
    endpoint: Uri,
    token: Option<String>,
    patience: Patience,
}

/// How long to wait, and how often to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Attempts in a row that bring nothing before a download is given up.
    pub attempts: u32,
    /// The pause after the first failure; each further one is twice as long.
    pub pause: Duration,
    /// The longest silence of a server. Cancelling a download can take as long.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 6, pause: Duration::from_secs(1), silence: Duration::from_secs(20) }
    }
}

/// What the hub said after all redirects.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Body,
    /// Whether the hub itself said it, not a server that it sent us to.
    pub from_hub: bool,
    /// The file's identity, of no other meaning.
    pub etag: Option<String>,
    /// The SHA-256 of a large file, as the hub states it. Tags of other servers may look like one and are not.
    pub digest: Option<String>,
    /// The length of a large file, as the hub states it.
    pub linked_size: Option<u64>,
}

impl Hub {
    /// The hub at `endpoint` without a proxy.
    ///
    /// # Errors
    /// If the endpoint is no `http` or `https` address, or the token has characters that no token has.
    pub fn new(endpoint: &str, token: Option<String>, patience: Patience) -> Result<Self, PullError> {
        Self::connect(endpoint, token, patience, None, None)
    }

    /// The hub that the environment names: `HF_ENDPOINT`; the token in `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, or the
    /// token file that `hf auth login` writes; the usual proxy variables (`HTTPS_PROXY`, `NO_PROXY` ...); and
    /// certificates to trust instead of the built-in ones in `SSL_CERT_FILE`.
    ///
    /// # Errors
    /// If one of them cannot be used.
    pub fn from_env() -> Result<Self, PullError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let endpoint = match variable("HF_ENDPOINT") {
            Some(endpoint) => text("HF_ENDPOINT", endpoint)?,
            None => ENDPOINT.to_string(),
        };
        Self::through_env(&endpoint, token(&variable)?)
    }

    /// The server at `endpoint`, reached through the proxy and trusted by the certificates that the environment names.
    ///
    /// # Errors
    /// If one of them cannot be used, or the endpoint is no web address.
    pub(crate) fn through_env(endpoint: &str, token: Option<String>) -> Result<Self, PullError> {
        let file = std::env::var_os("SSL_CERT_FILE").filter(|value| !value.is_empty());
        let roots = file.map(|file| certificates(file.into())).transpose()?;
        Self::connect(endpoint, token, Patience::default(), Proxy::try_from_env(), roots)
    }

    fn connect(
        endpoint: &str,
        token: Option<String>,
        patience: Patience,
        proxy: Option<Proxy>,
        roots: Option<RootCerts>,
    ) -> Result<Self, PullError> {
        let problem =
            |problem: &str| PullError::Settings { what: format!("hub `{endpoint}`"), problem: problem.into() };
        let uri: Uri = endpoint.trim_end_matches('/').parse().map_err(|_| problem("is no address"))?;
        if origin(&uri).is_none() {
            return Err(problem("expected an address that starts with https:// or http://"));
        }
        if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(PullError::Settings {
                what: "the hub's token".into(),
                problem: "expected letters, digits and signs only".into(),
            });
        }
        // Redirects are followed here: the first answer carries the digest, and the token must not go along.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .tls_config(TlsConfig::builder().root_certs(roots.unwrap_or(RootCerts::WebPki)).build())
            .user_agent(concat!("selfsame/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .timeout_connect(Some(patience.silence))
            .timeout_recv_response(Some(patience.silence))
            .timeout_per_read(Some(patience.silence))
            .build()
            .new_agent();
        Ok(Self { agent, endpoint: uri, token, patience })
    }

    /// How patient it is.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Whether it sends a token.
    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The page of a repository.
    pub(crate) fn page(&self, repository: &str) -> String {
        format!("{}/{}", self.base(), encode(repository, true))
    }

    /// The address of a file.
    pub(crate) fn url(&self, repository: &str, revision: &str, file: &str) -> String {
        format!("{}/resolve/{}/{}", self.page(repository), encode(revision, false), encode(file, true))
    }

    fn base(&self) -> String {
        self.endpoint.to_string().trim_end_matches('/').to_string()
    }

    /// Asks for a file from byte `start` on.
    ///
    /// # Errors
    /// A text that says why there is no answer; asking again may help.
    pub(crate) fn get(&self, url: &str, start: u64) -> Result<Answer, String> {
        let mut uri: Uri = url.parse().map_err(|e| format!("{url}: {e}"))?;
        let (mut etag, mut linked_size) = (None, None);
        for _ in 0..10 {
            let from_hub = origin(&uri) == origin(&self.endpoint);
            let mut request = self.agent.get(uri.clone());
            if start > 0 {
                request = request.header(header::RANGE, format!("bytes={start}-"));
            }
            // To the hub itself only: whoever it redirects to has no business with the token.
            if let (true, Some(token)) = (from_hub, &self.token) {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let (parts, body) = request.call().map_err(|e| format!("{uri}: {e}"))?.into_parts();
            if from_hub {
                etag = etag.or_else(|| tag(&parts.headers, "x-linked-etag"));
                linked_size = linked_size.or_else(|| number(&parts.headers, "x-linked-size"));
            }
            let location = parts.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
            match location.filter(|_| parts.status.is_redirection()) {
                Some(location) => uri = follow(&uri, location)?,
                None => {
                    let own = tag(&parts.headers, "etag");
                    let trusted = own.clone().filter(|_| from_hub && parts.status.is_success());
                    let digest = etag.clone().or(trusted).filter(|tag| is_sha256(tag));
                    let etag = etag.or(own);
                    return Ok(Answer {
                        digest,
                        status: parts.status,
                        headers: parts.headers,
                        body,
                        from_hub,
                        etag,
                        linked_size,
                    });
                }
            }
        }
        Err(format!("{url}: more than 10 redirects"))
    }
}

/// A header that is a number.
pub(crate) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// An entity tag without its quotes and the sign of a weak one.
fn tag(headers: &HeaderMap, name: &str) -> Option<String> {
    let tag = headers.get(name)?.to_str().ok()?.trim();
    Some(tag.trim_start_matches("W/").trim_matches('"').to_string()).filter(|tag| !tag.is_empty())
}

/// Scheme, host and port of an address of the web.
fn origin(uri: &Uri) -> Option<(&str, String, u16)> {
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some((scheme, uri.host()?.to_ascii_lowercase(), port))
}

/// Where a redirect leads to.
fn follow(from: &Uri, location: &str) -> Result<Uri, String> {
    let (scheme, host) = (from.scheme_str().unwrap_or("https"), from.authority().map_or("", |a| a.as_str()));
    let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    let address = match location {
        whole if whole.contains("://") => whole.to_string(),
        same_scheme if same_scheme.starts_with("//") => format!("{scheme}:{same_scheme}"),
        same_host if same_host.starts_with('/') => format!("{scheme}://{host}{same_host}"),
        relative => format!("{scheme}://{host}{folder}/{relative}"),
    };
    let to: Uri = address.parse().map_err(|e| format!("{from}: redirects to `{location}`: {e}"))?;
    match origin(&to) {
        Some(("http", ..)) if scheme == "https" => Err(format!("{from}: redirects to an address without encryption")),
        Some(_) => Ok(to),
        None => Err(format!("{from}: redirects to `{location}`, which is no web address")),
    }
}

/// Percent-encodes everything that has a meaning in an address; `/` only if it separates parts.
fn encode(text: &str, keep_slash: bool) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (keep_slash && byte == b'/');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn text(what: &str, value: OsString) -> Result<String, PullError> {
    let problem = |_| PullError::Settings { what: what.into(), problem: "is not UTF-8".into() };
    value.into_string().map_err(problem)
}

/// Where `huggingface_hub` looks for the token (`constants.py`, `utils/_auth.py`).
fn token(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<String>, PullError> {
    for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
        if let Some(token) = variable(name) {
            return Ok(Some(text(name, token)?.trim().to_string()));
        }
    }
    let cache = || variable("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(home(variable)?.join(".cache")));
    let home = variable("HF_HOME").map(PathBuf::from).or_else(|| Some(cache()?.join("huggingface")));
    let file = variable("HF_TOKEN_PATH").map(PathBuf::from).or_else(|| Some(home?.join("token")));
    match file.as_ref().map(std::fs::read_to_string) {
        Some(Ok(token)) => Ok(Some(token.trim().to_string()).filter(|token| !token.is_empty())),
        Some(Err(e)) if e.kind() != std::io::ErrorKind::NotFound => Err(PullError::Settings {
            what: file.map(|file| file.display().to_string()).unwrap_or_default(),
            problem: format!("the hub's token cannot be read: {e}"),
        }),
        _ => Ok(None),
    }
}

fn home(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    variable(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from)
}

/// The certificates of a PEM file.
fn certificates(file: PathBuf) -> Result<RootCerts, PullError> {
    let problem = |problem: String| PullError::Settings { what: format!("SSL_CERT_FILE {}", file.display()), problem };
    let pem = std::fs::read(&file).map_err(|e| problem(e.to_string()))?;
    let items: Result<Vec<PemItem>, _> = parse_pem(&pem).collect();
    let found = items.map_err(|e| problem(e.to_string()))?.into_iter().filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        return Err(problem("there is no certificate in it".into()));
    }
    Ok(RootCerts::Specific(Arc::new(found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let hub = Hub::new("https://hub.example/mirror/", None, Patience::default()).unwrap();
        assert_eq!(
            hub.url("a/b", "refs/pr/1", "x y/z#.bin"),
            "https://hub.example/mirror/a/b/resolve/refs%2Fpr%2F1/x%20y/z%23.bin"
        );
        for bad in ["", "hub.example", "ftp://hub.example", "https://"] {
            assert!(Hub::new(bad, None, Patience::default()).is_err(), "{bad}");
        }
        assert!(Hub::new("https://hub.example", Some("a\nb".into()), Patience::default()).is_err());
    }

    #[test]
    fn redirects() {
        let to =
            |location: &str| follow(&"https://a.example/x/y".parse().unwrap(), location).map(|uri| uri.to_string());
        assert_eq!(to("z").unwrap(), "https://a.example/x/z");
        assert_eq!(to("/z?q=1").unwrap(), "https://a.example/z?q=1");
        assert_eq!(to("//b.example/z").unwrap(), "https://b.example/z");
        assert_eq!(to("https://b.example/z").unwrap(), "https://b.example/z");
        assert!(to("http://b.example/z").unwrap_err().contains("without encryption"));
        assert!(to("ftp://b.example/z").unwrap_err().contains("no web address"));
        assert!(to("file:///etc/passwd").is_err());
    }

    #[test]
    fn the_token_comes_from_a_variable_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let from = |variables: &[(&str, &str)]| {
            let variable =
                |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
            token(&variable).unwrap()
        };
        let home = folder.path().to_str().unwrap();
        assert_eq!(from(&[("HF_HOME", home)]), None);
        std::fs::write(folder.path().join("token"), "hf_file\n").unwrap();
        assert_eq!(from(&[("HF_HOME", home)]).unwrap(), "hf_file");
        assert_eq!(from(&[("HF_HOME", home), ("HUGGING_FACE_HUB_TOKEN", "hf_old")]).unwrap(), "hf_old");
        assert_eq!(from(&[("HUGGING_FACE_HUB_TOKEN", "hf_old"), ("HF_TOKEN", "hf_new")]).unwrap(), "hf_new");
    }
}
