use super::Found;
use crate::model::Model;

pub fn check(_: &Model) -> Vec<Found> {
    Vec::new()
}
