//! Signatures of manifests, made with [minisign](https://jedisct1.github.io/minisign/).
//!
//! A signature covers the manifest, and by the digests in it the libraries; not what else lies in a bundle.

use super::error::BundleError;
use minisign::{PublicKey, SecretKey, SecretKeyBox, SignatureBox};
use std::io::Cursor;
use std::path::Path;

/// A public key in the one line that minisign writes: `RW...`.
pub(super) fn key(text: &str) -> Result<PublicKey, String> {
    let expected = "is not a minisign key, the line `RW...` of a `.pub` file";
    // The crate reads a key of any length, and then fails.
    let known = text.len() == 56 && text.is_ascii();
    PublicKey::from_base64(text.trim()).ok().filter(|_| known).ok_or_else(|| format!("{text:?} {expected}"))
}

/// Whether a signature is one of these bytes by this key.
pub(super) fn verify(public_key: &str, bytes: &[u8], signature: &str) -> Result<(), String> {
    let key = key(public_key)?;
    let signature = SignatureBox::from_string(signature).map_err(|error| format!("it is no signature: {error}"))?;
    minisign::verify(&key, &signature, Cursor::new(bytes), true, false, false)
        .map_err(|error| format!("it is not a signature of {} by the key {public_key}: {error}", super::MANIFEST))
}

/// The text of a signature of these bytes. `secret_key` is a file that minisign wrote; its password is asked for where it has
/// one. Gives the public key, too.
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
    let public = PublicKey::from_secret_key(&open(secret_key)?).map_err(|error| unusable(secret_key, error))?;
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
