use super::case::{Set, Tally};
use std::error::Error;

pub fn run(_set: &Set, tally: &mut Tally) -> Result<(), Box<dyn Error>> {
    tally.fail("schedules_diffusers", "not written yet");
    Ok(())
}
