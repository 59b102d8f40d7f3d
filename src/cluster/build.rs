//! What tells one build of squall from another.
//!
//! A plan is written by one build's rules and read by the same; so a worker must be the same program.

use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;

use flate2::Crc;

/// Returns the version, and a checksum of the program's own file.
///
/// # Errors
/// The file cannot be read.
pub fn build() -> Result<&'static str, &'static str> {
    static BUILD: OnceLock<Option<String>> = OnceLock::new();
    let build = BUILD.get_or_init(|| checksum().ok().map(|sum| format!("{} {sum}", env!("CARGO_PKG_VERSION"))));
    build.as_deref().ok_or("the program's own file cannot be read")
}

fn checksum() -> std::io::Result<String> {
    let mut file = File::open(std::env::current_exe()?)?;
    let mut sum = Crc::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{:08x}-{:08x}", sum.sum(), sum.amount())),
            count => sum.update(&buffer[..count]),
        }
    }
}
