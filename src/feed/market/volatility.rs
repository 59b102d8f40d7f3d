//! Volatility: slow and fast swings, and bursts after news.
//!
//! Log volatility is a sum of Ornstein-Uhlenbeck processes on several time scales, plus a burst that each news jump starts
//! and that then fades. Two or more processes are needed to fit both the quick and the slow decay of the autocorrelation:
//! Chernov, Gallant, Ghysels and Tauchen 2003, <https://doi.org/10.1016/S0304-4076(03)00108-8>; the heterogeneous horizons
//! of Corsi 2009, <https://doi.org/10.1093/jjfinec/nbp001>. News makes further news more likely, as in the mutually exciting
//! jumps of Aït-Sahalia, Cacho-Diaz and Laeven 2015, <https://doi.org/10.1016/j.jfineco.2015.03.002>. News also comes more
//! often while volatility is high.

use super::STEP_S;
use super::draws::Draws;
use super::elementary::exp;

/// The swings' standard deviations and relaxation times in seconds; the whole market shares the slow swing.
const SLOW: (f64, f64) = (0.08, 2400.0);
const MIDDLE: (f64, f64) = (0.08, 300.0);
const FAST: (f64, f64) = (0.10, 20.0);

/// News a second: eight an hour at the usual activity.
const NEWS_PER_S: f64 = 8.0 / 3600.0;
/// What one piece of news adds to the rate of news, and how fast that fades.
const NEWS_EXCITATION_PER_S: f64 = 0.1 / NEWS_EXCITATION_S;
const NEWS_EXCITATION_S: f64 = 300.0;
/// The smallest and the largest amount that news adds to log activity, the limit of their sum, and how fast it fades.
const STIR: (f64, f64) = (1.5, 1.9);
const STIR_MOST: f64 = 2.0;
const STIR_S: f64 = 150.0;
/// How fast volatility follows activity.
const FOLLOW_S: f64 = 40.0;

/// An Ornstein-Uhlenbeck process, advanced exactly by one step.
#[derive(Debug, Clone)]
struct Swing {
    value: f64,
    keep: f64,
    shock: f64,
}

impl Swing {
    fn new((deviation, relaxation_s): (f64, f64), draws: &mut Draws) -> Self {
        let keep = exp(-STEP_S / relaxation_s);
        // Start in the stationary distribution.
        Swing { value: deviation * draws.normal(), keep, shock: deviation * (1.0 - keep * keep).sqrt() }
    }

    fn step(&mut self, draws: &mut Draws) {
        self.value = self.keep * self.value + self.shock * draws.normal();
    }
}

/// The volatility of one product, relative to its usual one.
#[derive(Debug, Clone)]
pub struct Volatility {
    /// The market's own draws: every product holds a copy, so that all products share the slow swing.
    market: Draws,
    slow: Swing,
    middle: Swing,
    fast: Swing,
    stir: f64,
    stir_keep: f64,
    burst: f64,
    follow: f64,
    excitation_per_s: f64,
    excitation_keep: f64,
}

impl Volatility {
    /// Starts in the stationary distribution, without a burst.
    pub fn new(seed: u64, draws: &mut Draws) -> Self {
        let mut market = Draws::new(seed, "market");
        Volatility {
            slow: Swing::new(SLOW, &mut market),
            market,
            middle: Swing::new(MIDDLE, draws),
            fast: Swing::new(FAST, draws),
            stir: 0.0,
            stir_keep: exp(-STEP_S / STIR_S),
            burst: 0.0,
            follow: 1.0 - exp(-STEP_S / FOLLOW_S),
            excitation_per_s: 0.0,
            excitation_keep: exp(-STEP_S / NEWS_EXCITATION_S),
        }
    }

    /// Advances by one step and returns whether there was news in that step.
    pub fn step(&mut self, draws: &mut Draws) -> bool {
        self.slow.step(&mut self.market);
        self.middle.step(draws);
        self.fast.step(draws);
        self.stir *= self.stir_keep;
        self.burst += self.follow * (self.stir - self.burst);
        self.excitation_per_s *= self.excitation_keep;
        let rate_per_s = NEWS_PER_S * self.swing() + self.excitation_per_s;
        let news = draws.chance(rate_per_s * STEP_S);
        if news {
            let (least, most) = STIR;
            self.stir = (self.stir + least + (most - least) * draws.uniform()).min(STIR_MOST);
            self.excitation_per_s += NEWS_EXCITATION_PER_S;
        }
        news
    }

    /// Returns the volatility now, as a multiple of the usual one.
    pub fn level(&self) -> f64 {
        exp(self.slow.value + self.middle.value + self.fast.value + self.burst)
    }

    fn swing(&self) -> f64 {
        exp(self.slow.value + self.middle.value)
    }

    /// Returns how busy traders are, as a multiple of the usual. Activity follows the slower swings, not the fast one.
    pub fn activity(&self) -> f64 {
        self.swing() * exp(0.7 * self.stir)
    }
}
