//! What stands in a journal's folder: the segments in order, and whether one is missing between them.

use crate::disk::Disk;
use crate::error::OpenError;
use crate::lsn::Lsn;
use crate::segment::{self, BadHeader, FORMAT_VERSION, HEADER, Header};

/// A segment's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where it begins, by its name.
    pub(crate) base: Lsn,
    /// Its header.
    pub(crate) header: Result<Header, BadHeader>,
    /// Length of the file in bytes.
    pub(crate) length: u64,
}

impl Found {
    /// The header, if it can be used.
    pub(crate) fn usable(&self) -> Result<Header, OpenError> {
        let file = segment::name(self.base);
        self.header.map_err(|bad| match bad {
            BadHeader::Version(version) => OpenError::Version { file, version, known: FORMAT_VERSION },
            BadHeader::Damaged => OpenError::Corrupt { file, offset: 0, lsn: self.base },
        })
    }
}

/// The segments in the folder, oldest first.
pub(crate) fn segments(disk: &dyn Disk) -> Result<Vec<Found>, OpenError> {
    let mut bases: Vec<Lsn> = names(disk)?.iter().filter_map(|name| segment::parse_name(name)).collect();
    bases.sort_unstable();
    bases.into_iter().map(|base| look(disk, base)).collect()
}

/// The names of the files in the folder.
pub(crate) fn names(disk: &dyn Disk) -> Result<Vec<String>, OpenError> {
    disk.list().map_err(OpenError::io("list", "the folder"))
}

fn look(disk: &dyn Disk, base: Lsn) -> Result<Found, OpenError> {
    let name = segment::name(base);
    let file = disk.open(&name, false).map_err(OpenError::io("open", &name))?;
    let length = file.length().map_err(OpenError::io("measure", &name))?;
    let mut bytes = [0; HEADER as usize];
    file.read_at(&mut bytes, 0).map_err(OpenError::io("read", &name))?;
    let header = Header::parse(&bytes)
        .and_then(|header| if header.base == base { Ok(header) } else { Err(BadHeader::Damaged) });
    Ok(Found { base, header, length })
}

/// The file that is missing before `next`, if it does not begin where `previous` ends.
pub(crate) fn missing_between(previous: &Header, next: &Header) -> Option<String> {
    let follows = previous.end() == next.base || (next.detached && previous.end() < next.base);
    (!follows).then(|| segment::name(previous.end()))
}
