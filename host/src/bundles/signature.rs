//! Signatures of manifests, made with [minisign](https://jedisct1.github.io/minisign/).
//!
//! A signature covers the manifest, and by the digests in it the libraries; not what else lies in a bundle.

use super::error::BundleError;
use minisign::{SecretKey, SecretKeyBox, SignatureBox};
use minisign_verify::{PublicKey, Signature};
use std::io::Cursor;
use std::path::Path;

/// A public key in the one line that minisign writes: `RW...`.
pub(super) fn key(text: &str) -> Result<PublicKey, String> {
    let expected = "is not a minisign key, the line `RW...` of a `.pub` file";
    PublicKey::from_base64(text).map_err(|_| format!("{text:?} {expected}"))
}

/// Whether a signature is one of these bytes by this key.
pub(super) fn verify(public_key: &str, bytes: &[u8], signature: &str) -> Result<(), String> {
    let signature = Signature::decode(signature).map_err(|error| format!("it is no signature: {error}"))?;
    key(public_key)?
        .verify(bytes, &signature, false)
        .map_err(|error| format!("it is not a signature of {} by the key {public_key}: {error}", super::MANIFEST))
}

/// The text of a signature of these bytes. `secret_key` is a file that minisign wrote; its password is asked for where it has
/// one.
///
/// # Errors
/// If the key cannot be read.
pub fn sign(secret_key: &Path, bytes: &[u8]) -> Result<String, BundleError> {
    let secret = open(secret_key)?;
    let signed = minisign::sign(None, &secret, Cursor::new(bytes), None, Some("signature of a Selfsame plugin"));
    signed.map(SignatureBox::into_string).map_err(|error| unusable(secret_key, error))
}

/// The public key that belongs to a secret one, as a manifest names it.
///
/// # Errors
/// If the key cannot be read.
pub fn public_key_of(secret_key: &Path) -> Result<String, BundleError> {
    let public =
        minisign::PublicKey::from_secret_key(&open(secret_key)?).map_err(|error| unusable(secret_key, error))?;
    Ok(public.to_base64())
}

fn open(path: &Path) -> Result<SecretKey, BundleError> {
    let unreadable = |error: std::io::Error| BundleError::Unreadable { path: path.into(), reason: error.to_string() };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let boxed = || SecretKeyBox::from_string(&text).map_err(|error| unusable(path, error));
    match boxed()?.into_unencrypted_secret_key() {
        Ok(key) => Ok(key),
        Err(_) => boxed()?.into_secret_key(None).map_err(|error| unusable(path, error)),
    }
}

fn unusable(path: &Path, error: minisign::PError) -> BundleError {
    BundleError::Signature { path: path.to_owned(), problem: format!("it is not a secret key of minisign: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signatures come from whoever made the bundle.
    #[test]
    fn what_is_no_signature_is_refused_and_nothing_else_happens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
        std::fs::write(&path, pair.sk.to_box(None).unwrap().into_string()).unwrap();
        let (public, signature) = (public_key_of(&path).unwrap(), sign(&path, b"text").unwrap());
        assert_eq!(verify(&public, b"text", &signature), Ok(()));
        assert!(verify(&public, b"next", &signature).unwrap_err().starts_with("it is not a signature of plugin.ron"));
        assert!(verify("RWQ", b"text", &signature).unwrap_err().starts_with("\"RWQ\" is not a minisign key"));
        for end in 0..signature.trim_end().len() {
            assert!(verify(&public, b"text", &signature[..end]).is_err(), "cut at {end}");
        }
        let lines: Vec<&str> = signature.lines().collect();
        for line in 0..lines.len() {
            for other in ["", "AAAA", "trusted comment: ", "\u{e9}"] {
                let mut changed = lines.clone();
                changed[line] = other;
                // Nobody has signed the untrusted comment.
                assert_eq!(verify(&public, b"text", &changed.join("\n")).is_ok(), line == 0, "{line} {other}");
            }
        }
        std::fs::write(&path, "no key").unwrap();
        assert!(sign(&path, b"text").unwrap_err().to_string().contains("it is not a secret key of minisign"));
    }
}
