//! The experiments: one file each. [`Experiment`] is the list of them.

use super::findings::Findings;
use super::lab::{Lab, Shipped};
use super::sheet::Sheet;
use super::{edges, identity, interpolation, poses, references, styles, two_people, weight_grid};
use crate::cli::exit::Stop;
use clap::ValueEnum;

/// A claim of the paper, measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Experiment {
    /// Whether a picture shows the person, and nobody else
    Identity,
    /// How the two weights act (figure 9)
    WeightGrid,
    /// Whether several photographs are better than one (figure 4)
    References,
    /// Whether a face goes where it is told to (figure 10)
    Poses,
    /// Whether one person becomes another one evenly (figure 11)
    Interpolation,
    /// Whether two people in one picture stay two people (figure 12)
    TwoPeople,
    /// Whether pictures of a person still are what the prompt says (figures 3 and 5)
    Styles,
    /// Whether another ControlNet does its work beside IdentityNet (figure 3)
    Edges,
}

/// What is told of an experiment, whatever it finds.
pub struct About {
    pub title: &'static str,
    /// What the paper shows, and what is measured here.
    pub text: &'static str,
    /// The graphs that make the pictures.
    pub graphs: &'static [Shipped],
    /// The arguments that show the same with pictures of one's own.
    pub example: &'static str,
    pub run: fn(&Lab) -> Result<(Findings, Sheet), Stop>,
}

impl Experiment {
    /// All of them, in the order in which they are made.
    pub const ALL: &[Experiment] = &[
        Experiment::Identity,
        Experiment::Poses,
        Experiment::Styles,
        Experiment::WeightGrid,
        Experiment::References,
        Experiment::Interpolation,
        Experiment::TwoPeople,
        Experiment::Edges,
    ];

    /// What it is called on the command line and in files.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    pub fn about(self) -> About {
        match self {
            Experiment::Identity => About {
                title: "The person, and nobody else",
                text: "The paper shows pictures of people of whom InstantID has one photograph each. Here everybody is painted from one \
                       clear photograph, prompted as a photograph in another place, light, expression and clothes; with both halves of \
                       InstantID, with one of them, and with none, all from the same noise. The judge compares the face to the \
                       photographs of all people. The last row is no network's work: the world draws the person as the prompt says, \
                       which is what a perfect painter could reach.",
                graphs: &[identity::GRAPH],
                example: "--set face=photo.png",
                run: identity::run,
            },
            Experiment::Poses => About {
                title: "Figure 10: new poses",
                text: "IdentityNet is told where five points of the face shall be: those that the detector sees in a picture of another \
                       person in any pose, or the photograph's own, turned, with a prompt that leaves the pose open. The detector then \
                       looks for them in the new picture; the error is the mean distance of the five points by the width of the face's \
                       box in the picture that they are taken from. A face that is not found, in either, counts as off by its whole width. \
                       The world also knows where the points really are in the pictures that they are taken from; how far off the detector \
                       is there is the least that can be expected.",
                graphs: &[poses::GRAPH, poses::TURNED],
                example: "--set face=photo.png --set picture=pose.png --set edges=0",
                run: poses::run,
            },
            Experiment::Styles => About {
                title: "Figures 3 and 5: styles and prompts",
                text: "The paper shows that prompts still count: the style above all. Everybody is painted in all six styles of the world, with \
                       a prompt that also names expression, clothes, place and light; once by the base alone and once with InstantID. A \
                       critic, trained on the world's own pictures, says what it sees. How often it is right about pictures that the world \
                       draws for the same prompts is the most that can be expected.",
                graphs: &[styles::GRAPH],
                example: "--set face=photo.png",
                run: styles::run,
            },
            Experiment::WeightGrid => About {
                title: "Figure 9: the two weights",
                text: "The weight of the Image Adapter against the strength of IdentityNet, both from 0 to 1.2: the cosine between the face in \
                       the picture and the photograph.",
                graphs: &[weight_grid::GRAPH],
                example: "--set face=photo.png",
                run: weight_grid::run,
            },
            Experiment::References => About {
                title: "Figure 4: the number of photographs",
                text: "The embeddings of one to five photographs of a person are averaged, whatever they look like.",
                graphs: &[references::GRAPH],
                example: "--set folder=photographs",
                run: references::run,
            },
            Experiment::Interpolation => About {
                title: "Figure 11: from one person to another",
                text: "The embedding goes from one person's to another's in nine pictures, all else being the same. The judge compares each \
                       of them to both photographs: the two curves must cross once, from the first person to the second.",
                graphs: &[interpolation::GRAPH],
                example: "--set face=photo.png --set to=other.png",
                run: interpolation::run,
            },
            Experiment::TwoPeople => About {
                title: "Figure 12: two people in one picture",
                text: "Each half of a picture has a person of its own. The judge compares the face in each half to the photographs of both, \
                       and so in a picture that the world draws of the same two.",
                graphs: &[two_people::GRAPH],
                example: "--set left=photo.png --set right=other.png",
                run: two_people::run,
            },
            Experiment::Edges => About {
                title: "Figure 3: another ControlNet",
                text: "A ControlNet for edges stands beside IdentityNet. It must bring the edges of a given picture into the new one, and the \
                       person must stay.",
                graphs: &[edges::GRAPH],
                example: "--set face=photo.png --set picture=composition.png",
                run: edges::run,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_made() {
        assert!(Experiment::value_variants().iter().all(|experiment| Experiment::ALL.contains(experiment)));
        assert_eq!(Experiment::WeightGrid.name(), "weight-grid");
    }
}
