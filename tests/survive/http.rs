use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A hang must fail a test, not stop the run: more than the server's heartbeat of 15 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection that asks and is answered, again and again.
pub struct Connection(BufReader<TcpStream>);

/// An answer's head. Its body is read from the connection, in the framing that the head tells.
pub struct Head {
    pub status: u16,
    framing: Framing,
}

/// How a body ends (RFC 9112 6.3).
#[derive(Clone, Copy)]
enum Framing {
    Length(u64),
    Chunked,
    Close,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Asks, and reads the whole answer.
    pub fn ask(&mut self, request: &str) -> io::Result<(u16, String)> {
        let head = self.send(request)?;
        let mut text = String::new();
        match head.framing {
            Framing::Length(length) => {
                let read = (&mut self.0).take(length).read_to_string(&mut text)?;
                if (read as u64) < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Framing::Chunked => drop(Chunks { stream: &mut self.0, left: 0 }.read_to_string(&mut text)?),
            Framing::Close => drop(self.0.read_to_string(&mut text)?),
        }
        Ok((head.status, text))
    }

    /// Asks, and gives the lines of the answer's body as they come.
    pub fn stream(mut self, request: &str) -> io::Result<(u16, Box<dyn BufRead>)> {
        let Head { status, framing } = self.send(request)?;
        let lines: Box<dyn BufRead> = match framing {
            Framing::Length(length) => Box::new(self.0.take(length)),
            Framing::Chunked => Box::new(BufReader::new(Chunks { stream: self.0, left: 0 })),
            Framing::Close => Box::new(self.0),
        };
        Ok((status, lines))
    }

    fn send(&mut self, request: &str) -> io::Result<Head> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut framing = if status == 204 { Framing::Length(0) } else { Framing::Close };
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(": ") {
                None => return Ok(Head { status, framing }),
                Some(("content-length", length)) => framing = Framing::Length(length.parse().expect("a number")),
                Some(("transfer-encoding", "chunked")) => framing = Framing::Chunked,
                Some(_) => {}
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        whole_line(&mut self.0)
    }
}

/// The next line without its end; a line that the connection's end has cut is an error.
pub fn whole_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.strip_suffix('\n').ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// A chunked body (RFC 9112 7.1), without its framing.
struct Chunks<R> {
    stream: R,
    left: u64,
}

impl<R: BufRead> Read for Chunks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let size = whole_line(&mut self.stream)?;
            self.left = u64::from_str_radix(&size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            if self.left == 0 {
                whole_line(&mut self.stream)?;
                return Ok(0);
            }
        }
        let read = (&mut self.stream).take(self.left).read(buffer)?;
        self.left -= read as u64;
        if self.left == 0 {
            whole_line(&mut self.stream)?;
        }
        if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
    }
}
