//! A client's socket as pingora reads it: it gives up a client that takes too long over what it owes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket};
use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, BufWriter, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::pace::{Late, Meter, Pace, Patience};

/// What a client without TLS is told when its head did not come in time. (Nothing of an answer can have been sent before.)
const TOO_SLOW: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Bytes read and written at once, where what is asked for is less: TLS reads in small pieces, and a head and a short body
/// are written as one packet.
const READ_BUFFER: usize = 16 << 10;
const WRITE_BUFFER: usize = 1460;

/// Counts clients that were given up.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlowClients {
    pub(crate) heads: Counter,
    pub(crate) bodies: Counter,
}

/// A socket with a meter.
#[derive(Debug)]
pub(super) struct ClientSocket {
    tcp: BufReader<BufWriter<TcpStream>>,
    meter: Meter,
    slow: SlowClients,
    is_plain: bool,
    /// Made when a wait with a deadline begins, and used again.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl ClientSocket {
    pub(super) fn new(
        tcp: TcpStream,
        pace: Arc<Pace>,
        patience: Patience,
        slow: SlowClients,
        is_plain: bool,
    ) -> Self {
        let tcp =
            BufReader::with_capacity(READ_BUFFER, BufWriter::with_capacity(WRITE_BUFFER, tcp));
        Self { tcp, meter: Meter::new(pace, patience), slow, is_plain, alarm: None }
    }

    /// Ready when the client has had its time.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        let Some((deadline, late)) = self.meter.deadline(cx.waker()) else { return Poll::Pending };
        let deadline = Instant::from_std(deadline);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(late)
    }

    fn give_up(&mut self, late: Late, cx: &mut Context<'_>) -> io::Error {
        let what = match late {
            Late::Head => {
                self.slow.heads.inc();
                if self.is_plain {
                    // It fits into an empty buffer, or the client does not read either.
                    let _sent_or_not =
                        Pin::new(self.tcp.get_mut().get_mut()).poll_write(cx, TOO_SLOW);
                }
                "head"
            }
            Late::Body => {
                self.slow.bodies.inc();
                "body"
            }
        };
        io::Error::new(io::ErrorKind::TimedOut, format!("the {what} of a request came too slowly"))
    }
}

impl AsyncRead for ClientSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let this = &mut *self;
        if let Poll::Ready(read) = Pin::new(&mut this.tcp).poll_read(cx, buf) {
            this.meter.received(buf.filled().len().saturating_sub(before));
            return Poll::Ready(read);
        }
        let late = ready!(this.poll_late(cx));
        Poll::Ready(Err(this.give_up(late, cx)))
    }
}

impl AsyncWrite for ClientSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl VirtualSocket for ClientSocket {
    /// What pingora wants to set was set when the connection was taken.
    fn set_socket_option(&self, _option: VirtualSockOpt) -> io::Result<()> {
        Ok(())
    }
}
