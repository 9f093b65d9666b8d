//! The people of an evaluation, none of whom any network knows.

use crate::cli::exit::{Exit, Stop};
use mini_world::identity::Identity;
use mini_world::scene::{Pose, Scene, Side};
use mini_world::split::Split;
use mini_world::style::Style;
use serde::{Deserialize, Serialize};

/// People of the world: a stretch of one of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// The part.
    pub split: Split,
    /// The place of the first one in it.
    pub first: u64,
    /// How many.
    pub people: u64,
}

impl People {
    /// Whether results may be told of these people.
    ///
    /// # Errors
    /// If they are for training, or the part has no such people.
    pub fn may_be_told_of(&self) -> Result<(), Stop> {
        if self.split == Split::Train {
            let message = "people of the part `train` are for training; results are told of people whom no network has seen\n  \
                = hint: evaluate `test`, or `val` while you choose how to train";
            return Err(Stop::new(Exit::Usage, message));
        }
        if self.people > Split::PEOPLE || self.first > Split::PEOPLE - self.people {
            let message = format!("--first {}: a part has {} people", self.first, Split::PEOPLE);
            return Err(Stop::new(Exit::Usage, message));
        }
        Ok(())
    }

    /// Whether these people may be evaluated with a network that has learned from others: as it says itself, or why it says nothing.
    ///
    /// # Errors
    /// If it knows one of them, or does not say whom it knows.
    pub fn check(&self, network: &str, told: Result<String, String>) -> Result<(), Stop> {
        let parse = |text: String| serde_json::from_str(&text).map_err(|error| format!("{text}: {error}"));
        let trained: People = told.and_then(parse).map_err(|why| {
            let message = format!(
                "`{network}` does not say on whom it was trained, so nobody can be evaluated with it\n  {why}\n  \
                 expected {{\"split\": \"train\", \"first\": 0, \"people\": 4000}}, as examples/mini/recipe.sh writes it: in people.json in \
                 the folder of the network, or under `people` in the metadata of a safetensors file"
            );
            Stop::new(Exit::Wrong, message)
        })?;
        match self.shared(&trained) {
            None => Ok(()),
            Some(place) => {
                let message = format!(
                    "person {place} of the part `{}` was used in the training of `{network}`; expected people whom no network has seen\n  \
                     = hint: evaluate others, with --first",
                    self.split.name(),
                );
                Err(Stop::new(Exit::Usage, message))
            }
        }
    }

    /// The first place of somebody who is one of these and one of the others.
    fn shared(&self, other: &People) -> Option<u64> {
        let first = self.first.max(other.first);
        let last = self.first.saturating_add(self.people).min(other.first.saturating_add(other.people));
        (self.split == other.split && first < last).then_some(first)
    }

    /// Who they are.
    pub fn identities(&self) -> impl Iterator<Item = Identity> + use<> {
        let People { split, first, people } = *self;
        (first..first + people).map(move |place| split.identity(place))
    }
}

/// What scenes are drawn from: a seed for each person and each purpose.
#[derive(Clone, Copy)]
pub struct Scenes {
    pub people: People,
    pub seed: u64,
}

impl Scenes {
    /// Somebody, everything else at random. The same number gives the same scene again.
    pub fn any(&self, person: usize, identity: Identity, number: u64) -> Scene {
        Scene::sample(&[identity], self.seed_of(person, number))
    }

    /// Two people beside one another.
    pub fn couple(&self, person: usize, identities: [Identity; 2], number: u64) -> Scene {
        Scene::sample(&identities, self.seed_of(person, number))
    }

    /// One clear photograph: the face nearly from the front, nothing on it, light not from behind.
    pub fn clear(&self, person: usize, identity: Identity, number: u64) -> Scene {
        let mut scene = Scene { style: Style::Photo, ..self.any(person, identity, number) };
        for shown in &mut scene.people {
            let pose = shown.pose;
            shown.pose = Pose { yaw: pose.yaw * 0.4, pitch: pose.pitch * 0.4, roll: pose.roll * 0.4, ..pose };
            shown.glasses = None;
        }
        if scene.light.side == Side::Back {
            scene.light.side = Side::Front;
        }
        scene
    }

    /// The seed of the noise of somebody's pictures: the same among whichever people somebody is evaluated.
    pub fn noise(&self, person: usize) -> u64 {
        self.seed.wrapping_add(self.people.first + person as u64)
    }

    fn seed_of(&self, person: usize, number: u64) -> u64 {
        let place = self.people.split.seed(self.people.first + person as u64);
        self.seed.wrapping_mul(0x1000_0000_01b3) ^ (place << 8 | number)
    }
}

/// A caption that leaves open how the head is held.
pub fn without_pose(caption: &str) -> String {
    const SAID_OF_IT: [&str; 6] =
        ["looking left", "looking right", "looking up", "looking down", "facing the camera", "head tilted"];
    caption.split(", ").filter(|clause| !SAID_OF_IT.contains(clause)).collect::<Vec<_>>().join(", ")
}

/// A scene with the head held as it is in another one.
pub fn with_pose(mut scene: Scene, pose: Pose) -> Scene {
    scene.people.iter_mut().for_each(|person| person.pose = pose);
    scene
}

#[cfg(test)]
mod tests {
    use super::*;
    use mini_world::caption::caption;
    use std::collections::HashSet;

    const TEN: People = People { split: Split::Test, first: 5, people: 10 };

    fn refused(people: People, trained: Option<&str>) -> Option<(Exit, String)> {
        let told = trained.map(str::to_owned).ok_or("cannot read people.json".to_owned());
        let checked = people.may_be_told_of().and_then(|()| people.check("mini", told));
        checked.err().map(|stop| (stop.exit, stop.message))
    }

    #[test]
    fn people_of_other_parts_may_be_evaluated() {
        let trained = r#"{"split": "train", "first": 0, "people": 4000}"#;
        assert_eq!(refused(TEN, Some(trained)), None);
        assert_eq!(refused(People { split: Split::Val, ..TEN }, Some(trained)), None);
        let (exit, message) = refused(People { split: Split::Train, first: 4000, ..TEN }, Some(trained)).unwrap();
        assert!(exit == Exit::Usage && message.contains("are for training"), "{message}");
        let (exit, _) = refused(People { first: Split::PEOPLE - 9, ..TEN }, Some(trained)).unwrap();
        assert_eq!(exit, Exit::Usage);
    }

    #[test]
    fn people_of_the_training_are_refused() {
        let with = |first: u64, people: u64| {
            refused(TEN, Some(&format!(r#"{{"split": "test", "first": {first}, "people": {people}}}"#)))
        };
        assert_eq!((with(0, 5), with(15, 9)), (None, None));
        let (exit, message) = with(14, 9).unwrap();
        assert!(
            exit == Exit::Usage && message.contains("person 14 of the part `test` was used in the training of `mini`"),
            "{message}"
        );
        assert!(with(0, 100).unwrap().1.contains("person 5 "));
    }

    #[test]
    fn a_network_must_say_whom_it_knows() {
        for trained in [None, Some("{}"), Some("people")] {
            let (exit, message) = refused(TEN, trained).unwrap();
            assert!(exit == Exit::Wrong && message.contains("does not say on whom it was trained"), "{message}");
        }
    }

    #[test]
    fn captions_that_leave_the_pose_open() {
        let plain = Scene::plain(Identity::new(1), Style::Photo);
        let captions =
            [[0.0; 3], [30.0, 0.0, 0.0], [-30.0, 15.0, 0.0], [30.0, -15.0, 20.0]].map(|[yaw, pitch, roll]| {
                caption(&with_pose(plain.clone(), Pose { yaw, pitch, roll, ..plain.people[0].pose }))
            });
        assert_eq!(
            captions.iter().map(|caption| without_pose(caption)).collect::<HashSet<_>>().len(),
            1,
            "{captions:?}"
        );
        assert!(captions[0].contains(", facing the camera, ") && !without_pose(&captions[0]).contains("facing"));
    }

    #[test]
    fn scenes_are_their_own() {
        let scenes = Scenes { people: TEN, seed: 7 };
        let identity = Identity::new(1);
        assert_eq!(scenes.any(0, identity, 1), scenes.any(0, identity, 1));
        assert_ne!(scenes.any(0, identity, 1), scenes.any(0, identity, 2));
        assert_ne!(scenes.any(0, identity, 1), scenes.any(1, identity, 1));
        // The same among other people.
        let others = Scenes { people: People { first: 3, ..TEN }, seed: 7 };
        assert_eq!((others.any(2, identity, 1), others.noise(2)), (scenes.any(0, identity, 1), scenes.noise(0)));
        let pose = scenes.any(0, identity, 2).people[0].pose;
        assert_eq!(with_pose(scenes.any(0, identity, 1), pose).people[0].pose, pose);
    }
}
