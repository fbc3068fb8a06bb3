//! The harness around a stand-in: a few lines of Perl (which every Debian has) that take the binary's arguments,
//! answer `/health/ready` and end on SIGTERM.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use flyball_testkit::Flyball;
use tempfile::TempDir;

const STAND_IN: &str = r#"#!/usr/bin/perl
use strict; use warnings; use IO::Socket::INET;
$| = 1;
my ($command, %option) = @ARGV;
die "unknown command" unless $command eq 'serve';
$SIG{TERM} = sub { exit 7 };
if (!-d $option{'--data'}) {
    mkdir $option{'--data'};
    print "demo key: fb_demodemodemodemodemo\noperator key: fb_operatoroperatoroperator\n";
}
print STDERR "marker $ENV{MARKER}\n" if $ENV{MARKER};
my $server = IO::Socket::INET->new(LocalAddr => $option{'--listen'}, Listen => 9, ReuseAddr => 1) or die "port";
while (my $peer = $server->accept()) {
    my $line = <$peer>;
    print $peer "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    close $peer;
}
"#;

const REFUSING: &str = "#!/bin/sh\necho \"args: $*\"\ncat flyball.yaml\necho \"leak: $CARGO_PKG_NAME\"\n\
                        echo 'flyball.yaml:1: wrong' >&2\nexit 3\n";

/// An executable script in a folder that lives as long as the test.
fn script(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flyball");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    (folder, path)
}

#[tokio::test]
async fn a_started_binary_is_ready_has_keys_and_stops_on_sigterm() {
    let (_folder, binary) = script(STAND_IN);
    let mut flyball = Flyball::builder(binary).env("MARKER", "17").start().await.unwrap();
    assert_eq!(flyball.client().get("/").await.unwrap().text(), "ok");
    assert_eq!(flyball.demo_key().unwrap(), "fb_demodemodemodemodemo");
    assert_eq!(flyball.operator_key().unwrap(), "fb_operatoroperatoroperator");
    assert!(flyball.data_dir().is_dir());
    assert!(flyball.stderr().unwrap().contains("marker 17"));
    assert_eq!(flyball.stop().await.unwrap().code(), Some(7));
    flyball.client().get("/").await.unwrap_err();
}

#[tokio::test]
async fn a_killed_binary_starts_again_on_its_data_with_the_same_keys() {
    let (_folder, binary) = script(STAND_IN);
    let mut flyball = Flyball::builder(binary).start().await.unwrap();
    let marker = flyball.data_dir().join("marker");
    std::fs::write(&marker, "kept").unwrap();
    flyball.kill().unwrap();
    flyball.start_again().await.unwrap();
    assert!(marker.is_file());
    assert_eq!(flyball.demo_key().unwrap(), "fb_demodemodemodemodemo");
}

#[tokio::test]
async fn dropping_kills_the_process_and_removes_the_folder() {
    let (_folder, binary) = script(STAND_IN);
    let flyball = Flyball::builder(binary).start().await.unwrap();
    let (client, folder) = (flyball.client(), flyball.folder().to_owned());
    drop(flyball);
    client.get("/").await.unwrap_err();
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_refused_start_shows_its_status_and_output() {
    let (_folder, binary) = script(REFUSING);
    let setup = Flyball::builder(binary).config("listen: nowhere\n").policy("rules: []\n").args(["--more"]);
    let exited = setup.clone().run_to_exit().await.unwrap();
    assert_eq!(exited.status.code(), Some(3));
    assert!(exited.stdout.contains("args: serve --config "), "{}", exited.stdout);
    assert!(exited.stdout.contains("--more\npolicy: policy.yaml\nlisten: nowhere\n"), "{}", exited.stdout);
    assert!(exited.stdout.contains("leak: \n"), "the environment of the test reached the binary");
    assert_eq!(exited.stderr, "flyball.yaml:1: wrong\n");
    let error = setup.start().await.unwrap_err().to_string();
    assert!(error.contains("flyball.yaml:1: wrong"), "{error}");
}
