//! Listening sockets on their way from one process to another: descriptors beside one line of text that says what they are for.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::listener::{Inherited, Role};

/// How the line begins: what this is, and in which form.
const FORM: &str = "strangler-handover/2";
/// What it begins with in every form.
const ANY_FORM: &str = "strangler-handover/";
/// Longest line.
const LINE: usize = 256;
/// Most sockets that are taken; a later version may have more roles.
const MOST: usize = 16;

/// Sockets to hand over.
#[derive(Debug)]
pub(crate) struct Handed(Vec<(Role, TcpListener)>);

impl Handed {
    /// The same sockets as these, in use as they are.
    ///
    /// # Errors
    /// No file descriptor is left.
    pub(crate) fn of(sockets: &[(Role, &TcpListener)]) -> io::Result<Self> {
        let same = sockets.iter().map(|(role, socket)| Ok((*role, socket.try_clone()?)));
        same.collect::<io::Result<_>>().map(Self)
    }

    pub(super) fn send(&self, to: &UnixStream) -> io::Result<()> {
        let roles: Vec<&str> = self.0.iter().map(|(role, _)| role.as_str()).collect();
        let line = format!("{FORM} {}\n", roles.join(" "));
        let descriptors: Vec<BorrowedFd<'_>> =
            self.0.iter().map(|(_, socket)| socket.as_fd()).collect();
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(io::Error::other("more sockets than fit into one message"));
        }
        let line = [IoSlice::new(line.as_bytes())];
        sendmsg(to, &line, &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

/// Takes what the other process has sent.
///
/// # Errors
/// Nothing came in time, or nothing that is understood; [`io::ErrorKind::Unsupported`] where it is of another form.
pub(super) fn receive(from: &UnixStream) -> io::Result<Inherited> {
    let mut line = [0; LINE];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut line)];
    let got = recvmsg(from, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let sockets: Vec<OwnedFd> = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    let text = line.get(..got.bytes).and_then(|line| std::str::from_utf8(line).ok());
    let text = text.unwrap_or_default();
    let roles = text.strip_prefix(FORM).and_then(|roles| roles.strip_suffix('\n'));
    let Some(roles) = roles.filter(|roles| roles.starts_with(' ')) else {
        return Err(if text.starts_with(ANY_FORM) {
            let why = format!("it said {:?}, this version says {FORM:?}", text.trim_end());
            io::Error::new(io::ErrorKind::Unsupported, why)
        } else {
            not_understood("what came is no list of sockets")
        });
    };
    let roles: Vec<&str> = roles.split_ascii_whitespace().collect();
    if roles.len() != sockets.len() {
        return Err(not_understood("not every socket came, or not every one has a name"));
    }
    let known = roles.into_iter().zip(sockets).filter_map(|(name, socket)| {
        // One of a role that this version does not know is closed here, and stays open there.
        let role = Role::ALL.into_iter().find(|role| role.as_str() == name)?;
        Some((role, TcpListener::from(socket)))
    });
    Ok(Inherited::new(known.collect()))
}

fn not_understood(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_connection_that_waits_is_taken_at_the_other_end() {
        let (here, there) = UnixStream::pair().unwrap();
        let [http, admin] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let (at, admin_at) = (http.local_addr().unwrap(), admin.local_addr().unwrap());
        let client = TcpStream::connect(at).unwrap();
        Handed::of(&[(Role::Http, &http), (Role::Admin, &admin)]).unwrap().send(&here).unwrap();
        drop((http, admin));
        let mut got = receive(&there).unwrap();
        assert_eq!(got.open(Role::Admin, admin_at).unwrap().1, admin_at);
        let (socket, same) = got.open(Role::Http, at).unwrap();
        assert_eq!(same, at);
        socket.set_nonblocking(false).unwrap();
        let (_, peer) = socket.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        use io::ErrorKind::{InvalidData, Unsupported};
        let lines = [
            // An older or a newer process: nothing is wrong with it.
            ("strangler-handover/1 http\n", Unsupported),
            ("strangler-handover/20 http\n", Unsupported),
            // A socket is missing.
            ("strangler-handover/2 http\n", InvalidData),
            ("", InvalidData),
            ("\u{ff}", InvalidData),
        ];
        for (line, kind) in lines {
            let (mut here, there) = UnixStream::pair().unwrap();
            here.write_all(line.as_bytes()).unwrap();
            drop(here);
            assert_eq!(receive(&there).unwrap_err().kind(), kind, "{line:?}");
        }
    }
}
