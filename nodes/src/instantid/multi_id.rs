//! Several people in one picture.

use super::identity_net::identity_net;
use super::image_adapter::image_adapter;
use crate::face::any::keypoints_of;
use crate::face::crop::Shape;
use crate::face::draw_keypoints::draw_keypoints;
use crate::face::mask::face_mask;
use crate::wires::{Conditioning, ControlNet, Identity, IpAdapter, Model};
use selfsame_sdk::prelude::*;

/// Puts several people into one picture, in a single pass: each has a place of its own, where IdentityNet and the Image Adapter
/// show this person and nobody else.
///
/// The denoising network runs once a step, IdentityNet once for each person. Take reference photographs with one person each.
/// InstantID (arXiv 2401.07519, figure 12) shows such pictures without saying how they are made; here residuals and attention of
/// each identity are multiplied by its mask and added up.
#[node(id = "core.instantid.multi_id", name = "MultiID", title = "Several people", category = "instantid", search = ["group", "couple", "regional", "two people"])]
#[output(
    model = "the model that sees the people",
    positive = "what the picture should show, with IdentityNet for each person",
    negative = "what it should not, with IdentityNet for each person",
    masks = "where each person is",
    keypoints = "the drawn key points of all"
)]
pub fn multi_id(
    ctx: Ctx,
    /// The denoising network.
    mut model: Model,
    /// The adapter.
    instantid: IpAdapter,
    /// IdentityNet.
    net: ControlNet,
    /// The people.
    ids: Vec<Identity>,
    /// Where the face of each is, in the order of the people: key points, or faces, which are where they are in their photographs. No
    /// two in the same place.
    #[param(ty = "FACE|KEYPOINTS")]
    places: Vec<Value>,
    /// What the picture should show.
    mut positive: Conditioning,
    /// What it should not show.
    mut negative: Conditioning,
    /// Where in the picture each may be; made from the places, and not overlapping, if not set.
    masks: Option<Vec<Mask>>,
    /// Width of the picture to make; the places move along. 0 takes the width of the first place's canvas.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    width: usize,
    /// Height of the picture to make; the places move along. 0 takes the height of the first place's canvas.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    height: usize,
    /// How much the people count: the weight of the Image Adapter, one for all or one for each.
    #[param(default = vec![0.8], hard = -1.0..=5.0, soft = 0.0..=1.5)]
    weights: Vec<f64>,
    /// How much the places count: the strength of IdentityNet, one for all or one for each.
    #[param(default = vec![0.8], hard = 0.0..=10.0, soft = 0.0..=1.5)]
    strengths: Vec<f64>,
    /// How many times as wide and high as the face each mask is that is made.
    #[param(default = 2.0, hard = 0.1..=100.0, soft = 0.5..=4.0, step = 0.05)]
    expand: f64,
    /// Where both begin to work, as a fraction of the sampling.
    #[param(default = 0.0, hard = 0.0..=1.0)]
    start: f64,
    /// Where both stop.
    #[param(default = 1.0, hard = 0.0..=1.0)]
    end: f64,
) -> Result<(Model, Conditioning, Conditioning, Vec<Mask>, Image)> {
    if ids.is_empty() {
        return Err(Error::input("ids", "expected at least one person, got none"));
    }
    let count = ids.len();
    if places.len() != count {
        return Err(Error::input("places", format!("expected one for each of {count} people, got {}", places.len())));
    }
    let weights = for_each(weights, count, "weights")?;
    let strengths = for_each(strengths, count, "strengths")?;
    let own = keypoints_of(&places[0]).input("places")?.canvas();
    let (width, height) = (if width == 0 { own[0] } else { width }, if height == 0 { own[1] } else { height });
    let masks = match masks {
        None => regions(ctx, &places, [width, height], expand).input("places")?,
        Some(masks) if masks.len() == count => masks,
        Some(masks) => {
            return Err(Error::input("masks", format!("expected one for each of {count} people, got {}", masks.len())));
        }
    };
    for (i, (id, mask)) in ids.into_iter().zip(&masks).enumerate() {
        let canvas = draw_keypoints(ctx, vec![places[i].clone()], width, height, false).input("places")?;
        let (weight, mask) = (weights[i], Some(mask.clone()));
        model = image_adapter(
            model,
            instantid.clone(),
            id.clone(),
            weight,
            Vec::new(),
            mask.clone(),
            start,
            end,
            false,
            false,
        )?;
        (positive, negative) =
            identity_net(net.clone(), id, positive, negative, canvas, strengths[i], start, end, mask, false)?;
    }
    let keypoints = draw_keypoints(ctx, places, width, height, false).input("places")?;
    Ok((model, positive, negative, masks, keypoints))
}

/// A mask for each place, as the nearest face has it.
fn regions(ctx: Ctx, places: &[Value], [width, height]: [usize; 2], expand: f64) -> Result<Vec<Mask>> {
    let masks = face_mask(ctx, places.to_vec(), width, height, expand, Shape::Ellipse, 0.2, true)?;
    match masks.iter().position(|mask| mask.data().iter().all(|x| *x == 0.0)) {
        Some(person) => Err(Error::new(format!(
            "person {person} has no room: others are in the same place, or it is beyond the picture"
        ))
        .hint("faces of photographs keep their places there; put PlaceKeypoints between")),
        None => Ok(masks),
    }
}

/// One value for each of `count` people, of which one may stand for all.
fn for_each(values: Vec<f64>, count: usize, port: &str) -> Result<Vec<f64>> {
    match values[..] {
        [one] => Ok(vec![one; count]),
        _ if values.len() == count => Ok(values),
        _ => Err(Error::input(
            port,
            format!("expected one value, or one for each of {count} people, got {}", values.len()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_stands_for_all() {
        assert_eq!(for_each(vec![0.5], 3, "weights").unwrap(), [0.5, 0.5, 0.5]);
        assert_eq!(for_each(vec![0.5, 0.7], 2, "weights").unwrap(), [0.5, 0.7]);
        let error = for_each(vec![0.5, 0.7], 3, "weights").unwrap_err();
        assert_eq!(error.to_string(), "input `weights`: expected one value, or one for each of 3 people, got 2");
        assert!(for_each(Vec::new(), 2, "strengths").is_err());
    }
}
