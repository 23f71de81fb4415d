//! Moves parameters against a gradient that is never longer than a limit.

use candle_core::{Tensor, Var};
use candle_nn::optim::{AdamW, Optimizer as _, ParamsAdamW};

use super::Outcome;

/// Adam (Kingma and Ba, 2015) with a limit on the gradient.
#[derive(Debug)]
pub struct Optimiser {
    parameters: Vec<Var>,
    adam: AdamW,
    /// The greatest norm of the gradient over all parameters.
    limit: f64,
}

impl Optimiser {
    /// For these parameters.
    pub fn new(parameters: Vec<Var>, learning_rate: f64, limit: f64) -> Outcome<Self> {
        let settings = ParamsAdamW { lr: learning_rate, weight_decay: 0.0, ..Default::default() };
        let adam = AdamW::new(parameters.clone(), settings)?;
        Ok(Self { parameters, adam, limit })
    }

    /// One step down the gradient of `loss`.
    pub fn descend(&mut self, loss: &Tensor) -> Outcome<()> {
        let mut gradients = loss.backward()?;
        let mut squares = 0.0;
        for gradient in self.parameters.iter().filter_map(|parameter| gradients.get(parameter)) {
            squares += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
        let norm = squares.sqrt();
        // A gradient that is no number would spoil every parameter for good; the next batch may do better.
        if !norm.is_finite() {
            return Ok(());
        }
        if norm > self.limit {
            for parameter in &self.parameters {
                if let Some(gradient) = gradients.remove(parameter) {
                    gradients.insert(parameter, (gradient * (self.limit / norm))?);
                }
            }
        }
        Ok(self.adam.step(&gradients)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn it_finds_the_lowest_point() {
        let place = Var::new(&[4.0_f32, -3.0], &Device::Cpu).unwrap();
        let mut optimiser = Optimiser::new(vec![place.clone()], 0.1, 1.0).unwrap();
        for _ in 0..300 {
            let from_goal = (place.as_tensor() - 1.0).unwrap();
            optimiser.descend(&from_goal.sqr().unwrap().sum_all().unwrap()).unwrap();
        }
        let found = place.to_vec1::<f32>().unwrap();
        assert!(found.iter().all(|x| (x - 1.0).abs() < 0.01), "{found:?}");
    }

    #[test]
    fn a_loss_that_is_no_number_changes_nothing() {
        let place = Var::new(&[1.0_f32], &Device::Cpu).unwrap();
        let mut optimiser = Optimiser::new(vec![place.clone()], 0.1, 1.0).unwrap();
        let loss = (place.as_tensor() * f64::NAN).unwrap().sum_all().unwrap();
        optimiser.descend(&loss).unwrap();
        assert_eq!(place.to_vec1::<f32>().unwrap(), [1.0]);
    }
}
