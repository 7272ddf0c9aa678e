//! Four things that people cannot live with: what one insists on against what the other does.
//!
//! Not to insist is no behaviour, and what is not known is no fit: an unknown behaviour costs as much as the one that
//! is feared, and against a deal-breaker it keeps the pair apart.

use super::bank::{Kind, NONE, bank, place};
use super::vector::Vector;

/// What one person insists on and does, a bit for each gate in the order of the bank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stance {
    /// Does not live with it.
    pub insists: u8,
    /// And will not even be asked.
    pub dealbreaker: u8,
    /// Does it.
    pub does: u8,
    /// Has not said.
    pub unsaid: u8,
}

/// Gates between a viewer and another person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gates {
    /// The other does what the viewer does not live with.
    pub conflicts: u8,
    /// The other has not said, and the viewer would not live with it.
    pub unknown: u8,
    /// One of either is the viewer's deal-breaker.
    pub blocked: bool,
}

/// Conflicts of a pair from which on it is not shown.
pub const CONFLICTS_BLOCKING: u32 = 2;

impl Stance {
    /// Reads the stance of a person.
    pub fn of(vector: &Vector) -> Self {
        let mut stance = Self { dealbreaker: vector.dealbreakers, ..Self::default() };
        let level = |id: &str| place(id).and_then(|at| vector.levels.get(at)).copied().unwrap_or(NONE);
        for (gate, own) in bank().own.iter().enumerate() {
            let bit = 1 << gate;
            let asked = level(&own.gate);
            let item = bank().items().find(|item| item.id == own.gate);
            let option = item.and_then(|item| item.choice(asked)).map(|choice| choice.value.as_str());
            // Of pets one says in one answer what one can live with and whether one brings one.
            let (insists, brings) = match option {
                Some(option) => (option == "pet_cannot", option == "pet_bringing"),
                None => (asked != 0, false),
            };
            let said = level(&own.id);
            let silent = asked == NONE && item.is_some_and(|item| item.kind == Kind::Mcq);
            if insists {
                stance.insists |= bit;
            }
            if brings || said == u8::from(own.conflict) {
                stance.does |= bit;
            } else if said == NONE || silent {
                stance.unsaid |= bit;
            }
        }
        stance
    }

    /// What this person would run into with the other.
    pub fn against(self, other: Self) -> Gates {
        let (conflicts, unknown) = (self.insists & other.does, self.insists & other.unsaid);
        Gates { conflicts, unknown, blocked: (conflicts | unknown) & self.dealbreaker != 0 }
    }

    /// Whether the two are kept apart: by a deal-breaker of either, or by too many conflicts.
    pub fn apart(self, other: Self) -> bool {
        let (mine, yours) = (self.against(other), other.against(self));
        mine.blocked || yours.blocked || (mine.conflicts | yours.conflicts).count_ones() >= CONFLICTS_BLOCKING
    }
}

/// The item ids of gates.
pub fn ids(gates: u8) -> Vec<&'static str> {
    let own = bank().own.iter().enumerate();
    own.filter(|(gate, _)| gates >> gate & 1 == 1).map(|(_, own)| own.gate.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::person::Person;
    use super::*;

    fn stance(insists: u8, dealbreaker: u8, does: u8, unsaid: u8) -> Stance {
        Stance { insists, dealbreaker, does, unsaid }
    }

    /// Neither answer of a gate, left out, takes away what somebody else would run into, or what oneself insists on.
    #[test]
    fn an_answer_left_out_hides_nothing() {
        for own in &bank().own {
            let item = bank().items().find(|item| item.id == own.gate).unwrap();
            let (asked, said) = (place(&own.gate).unwrap(), place(&own.id).unwrap());
            for (mine, does) in (0..item.levels()).flat_map(|mine| [(mine, 0), (mine, 1), (mine, NONE)]) {
                let answered = |mine, does| {
                    let mut vector = Vector::of(&Person::default()).unwrap();
                    (vector.levels[asked], vector.levels[said]) = (mine, does);
                    Stance::of(&vector)
                };
                let whole = answered(mine, does);
                for less in [answered(NONE, does), answered(mine, NONE), answered(NONE, NONE)] {
                    assert_eq!(whole.insists & !less.insists, 0, "{} {mine} {does}", own.gate);
                    assert_eq!(
                        (whole.does | whole.unsaid) & !(less.does | less.unsaid),
                        0,
                        "{} {mine} {does}",
                        own.gate
                    );
                }
            }
        }
    }

    /// For every pair of stances: apart exactly when somebody would meet what they will not live with.
    #[test]
    fn gates_are_sound_for_every_pair_of_stances_on_two_gates() {
        let all =
            || (0..256u16).map(|n| stance((n & 3) as u8, (n >> 2 & 3) as u8, (n >> 4 & 3) as u8, (n >> 6 & 3) as u8));
        for a in all() {
            for b in all() {
                let meets = |viewer: Stance, other: Stance, gate: u8| {
                    viewer.insists & gate != 0 && (other.does & gate != 0 || other.unsaid & gate != 0)
                };
                let hard = |viewer: Stance, other| {
                    [1, 2].iter().any(|g| viewer.dealbreaker & g != 0 && meets(viewer, other, *g))
                };
                let both = [1, 2].iter().all(|g| a.insists & b.does & g != 0 || b.insists & a.does & g != 0);
                assert_eq!(a.apart(b), hard(a, b) || hard(b, a) || both);
                assert_eq!(a.apart(b), b.apart(a));
            }
        }
    }

    #[test]
    fn who_tolerates_is_not_kept_from_who_insists() {
        let (strict, easy) = (stance(0b1111, 0b1111, 0, 0), stance(0, 0, 0, 0));
        assert!(!strict.apart(easy));
        assert_eq!(strict.against(easy), Gates::default());
    }
}
