//! Files that are right, wrong, mismatched, and replaced.

use std::fs;

use super::*;

/// Writes a fresh self-signed certificate for localhost.
fn write_pair(folder: &Path) -> TlsSettings {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let settings = TlsSettings { certificates: folder.join("chain.pem"), key: folder.join("key.pem") };
    fs::write(&settings.certificates, pair.cert.pem()).unwrap();
    fs::write(&settings.key, pair.signing_key.serialize_pem()).unwrap();
    settings
}

fn in_use(files: &TlsFiles) -> Vec<u8> {
    files.current.0.load().cert[0].to_vec()
}

#[test]
fn a_reload_takes_the_new_certificate_and_keeps_the_old_one_on_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles::load(write_pair(folder.path())).unwrap();
    let first = in_use(&files);
    let settings = write_pair(folder.path());
    files.reload().unwrap();
    let second = in_use(&files);
    assert_ne!(first, second);
    fs::write(&settings.key, "not a key").unwrap();
    let error = files.reload().unwrap_err();
    assert!(error.to_string().contains("key.pem"), "{error}");
    assert_eq!(in_use(&files), second);
}

#[test]
fn every_error_names_the_file_at_fault() {
    let folder = tempfile::tempdir().unwrap();
    let good = write_pair(folder.path());
    let missing = TlsSettings { certificates: folder.path().join("absent.pem"), ..good.clone() };
    let error = TlsFiles::load(missing).unwrap_err();
    assert!(matches!(&error, TlsError::Unreadable { path, .. } if path.ends_with("absent.pem")), "{error}");

    let swapped = TlsSettings { certificates: good.key.clone(), key: good.certificates.clone() };
    let error = TlsFiles::load(swapped).unwrap_err();
    assert!(matches!(&error, TlsError::Malformed { wanted: "certificate", .. }), "{error}");

    let other = tempfile::tempdir().unwrap();
    let mismatched = TlsSettings { key: write_pair(other.path()).key, ..good };
    let error = TlsFiles::load(mismatched).unwrap_err();
    assert!(matches!(error, TlsError::Unusable { .. }), "{error}");
}
