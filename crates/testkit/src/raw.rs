//! A bare connection, for bytes that are no proper HTTP: half requests, slow heads, wrong framing.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// The most bytes that are read from a peer.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A TCP connection on which the test decides about every byte.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
}

impl RawConnection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(RawConnection { stream })
    }

    /// Writes bytes.
    ///
    /// # Errors
    ///
    /// When the peer has closed.
    pub async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(bytes).await?;
        Ok(())
    }

    /// Writes bytes in pieces, with a pause after each.
    ///
    /// # Errors
    ///
    /// When the peer closes before all are written.
    pub async fn write_slowly(&mut self, bytes: &[u8], piece: usize, pause: Duration) -> anyhow::Result<()> {
        for piece in bytes.chunks(piece.max(1)) {
            self.stream.write_all(piece).await?;
            sleep(pause).await;
        }
        Ok(())
    }

    /// Says that no more will be written, and keeps reading.
    ///
    /// # Errors
    ///
    /// When the peer has closed.
    pub async fn finish_writing(&mut self) -> anyhow::Result<()> {
        self.stream.shutdown().await?;
        Ok(())
    }

    /// Reads until the peer closes. A reset counts as closing.
    ///
    /// # Errors
    ///
    /// When the peer does not close within `patience`, or sends more than 64 MiB.
    pub async fn read_to_end(&mut self, patience: Duration) -> anyhow::Result<Vec<u8>> {
        self.read_while(patience, |_| true).await
    }

    /// Reads until the bytes so far contain `mark`, or the peer closes.
    ///
    /// # Errors
    ///
    /// When neither happens within `patience`, or the peer sends more than 64 MiB.
    pub async fn read_until(&mut self, mark: &[u8], patience: Duration) -> anyhow::Result<Vec<u8>> {
        let found = |bytes: &[u8]| bytes.windows(mark.len().max(1)).any(|window| window == mark);
        self.read_while(patience, |bytes| !found(bytes)).await
    }

    async fn read_while(
        &mut self,
        patience: Duration,
        more: impl Fn(&[u8]) -> bool,
    ) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let reading = async {
            while more(&bytes) {
                if bytes.len() > MOST_BYTES {
                    bail!("the peer sent more than {MOST_BYTES} bytes");
                }
                match self.stream.read_buf(&mut bytes).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
            Ok(())
        };
        timeout(patience, reading).await.context("the peer did not do what was waited for in time")??;
        Ok(bytes)
    }
}
