//! A WebSocket client that does as it is told, right or wrong: frames on a TCP connection (RFC 6455 5.2).

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A hang must fail a test, not stop the run. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where every frame comes back, with no greeting.
pub const ECHO: &str = "/ws/echo?greeting=off";

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// The bit of a frame's first byte that says that it is its message's last.
pub const FIN: u8 = 0x80;

pub struct WebSocket {
    /// The head of the answer to the request.
    pub head: String,
    socket: TcpStream,
}

/// What a server has sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    pub opcode: u8,
    pub payload: Vec<u8>,
}

impl Received {
    pub fn text(&self) -> &str {
        assert_eq!(self.opcode, TEXT, "{self:?}");
        std::str::from_utf8(&self.payload).expect("UTF-8")
    }

    /// The code and the reason of a close.
    pub fn close(&self) -> (u16, &str) {
        assert_eq!(self.opcode, CLOSE, "{self:?}");
        let (code, reason) = self.payload.split_at(2);
        (u16::from_be_bytes([code[0], code[1]]), std::str::from_utf8(reason).expect("UTF-8"))
    }
}

/// The request that opens a connection (the key is RFC 6455's own example).
pub fn request(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// A frame as a client sends it, masked. `first` is its first byte: the opcode, [`FIN`] and what else is to be in it.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        medium @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A client's close.
pub fn close(code: u16) -> Vec<u8> {
    frame(FIN | CLOSE, &code.to_be_bytes())
}

impl WebSocket {
    pub async fn open(addr: SocketAddr, path: &str) -> Self {
        Self::open_with(addr, path, "").await
    }

    pub async fn open_with(addr: SocketAddr, path: &str, headers: &str) -> Self {
        let web_socket = Self::ask(addr, request(path, headers).as_bytes()).await;
        assert!(web_socket.head.starts_with("HTTP/1.1 101 "), "{}", web_socket.head);
        web_socket
    }

    /// Sends a request and reads the answer's head.
    pub async fn ask(addr: SocketAddr, request: &[u8]) -> Self {
        let mut web_socket = Self { head: String::new(), socket: TcpStream::connect(addr).await.expect("a server") };
        web_socket.write(request).await;
        while !web_socket.head.ends_with("\r\n\r\n") {
            let byte = web_socket.bytes(1).await.expect("a head")[0];
            web_socket.head.push(byte.into());
        }
        web_socket
    }

    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Sends bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.expect("an open connection");
    }

    /// Sends a text.
    pub async fn say(&mut self, text: &str) {
        self.write(&frame(FIN | TEXT, text.as_bytes())).await;
    }

    /// Ends what is sent, with no close frame.
    pub async fn end(&mut self) {
        self.socket.shutdown().await.expect("an open connection");
    }

    /// The next frame; `None` at the end of the connection.
    pub async fn next(&mut self) -> Option<Received> {
        let head = self.bytes(2).await?;
        assert_eq!(head[1] & 0x80, 0, "a server masks nothing");
        assert_eq!(head[0] & 0xf0, FIN, "whole, and no extension");
        let length = match head[1] {
            126 => u16::from_be_bytes(self.bytes(2).await?.try_into().expect("two")).into(),
            127 => u64::from_be_bytes(self.bytes(8).await?.try_into().expect("eight")) as usize,
            short => short.into(),
        };
        Some(Received { opcode: head[0] & 0xf, payload: self.bytes(length).await? })
    }

    /// The text of the next frame.
    pub async fn text(&mut self) -> String {
        self.next().await.expect("the connection goes on").text().to_owned()
    }

    async fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        let read = tokio::time::timeout(PATIENCE, self.socket.read_exact(&mut bytes)).await.expect("an answer in time");
        read.is_ok().then_some(bytes)
    }
}
