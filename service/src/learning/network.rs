//! Layers of neurons: made from chance or from stored figures, and what they make of a batch of states.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};

use super::environment::{FEATURES, State};
use super::numbers::single;
use super::{Chance, LearningError, Outcome};

/// How much noise a noisy layer begins with (Fortunato et al., 2017).
const NOISE: f32 = 0.5;

/// A layer in which every output sees every input.
#[derive(Debug)]
pub struct Layer {
    /// Outputs by inputs, as `PyTorch` has it.
    weight: Var,
    bias: Var,
    noise: Option<Noise>,
}

/// Noise on weights and biases, whose strength is learned.
#[derive(Debug)]
struct Noise {
    weight: Var,
    bias: Var,
    /// The noise of the moment.
    now: (Tensor, Tensor),
}

/// Layers with rectifiers between them.
#[derive(Debug)]
pub struct Network {
    layers: Vec<Layer>,
}

/// Stored tensors by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// A batch of states as one tensor, a state in each row.
pub fn rows<'s>(states: impl IntoIterator<Item = &'s State>) -> Outcome<Tensor> {
    let flat: Vec<f32> = states.into_iter().flatten().copied().collect();
    let count = flat.len() / FEATURES;
    Ok(Tensor::from_vec(flat, (count, FEATURES), &Device::Cpu)?)
}

/// A column of figures.
pub fn column(figures: Vec<f32>) -> Outcome<Tensor> {
    let count = figures.len();
    Ok(Tensor::from_vec(figures, count, &Device::Cpu)?)
}

/// A column of places, for choosing by them.
pub fn places(places: impl IntoIterator<Item = usize>) -> Outcome<Tensor> {
    let places: Vec<u32> =
        places.into_iter().map(|place| u32::try_from(place).unwrap_or(u32::MAX)).collect();
    let count = places.len();
    Ok(Tensor::from_vec(places, count, &Device::Cpu)?)
}

/// From each row what stands at the row's place.
pub fn chosen(rows: &Tensor, places: &Tensor) -> Outcome<Tensor> {
    Ok(rows.gather(&places.unsqueeze(1)?, 1)?.squeeze(1)?)
}

impl Layer {
    fn new(inputs: usize, outputs: usize, chance: &mut Chance) -> Outcome<Self> {
        let bound = 1.0 / single(inputs.max(1)).sqrt();
        let mut drawn = |count: usize| -> Vec<f32> {
            (0..count).map(|_| chance.between(-bound, bound)).collect()
        };
        Ok(Self {
            weight: Var::from_vec(drawn(outputs * inputs), (outputs, inputs), &Device::Cpu)?,
            bias: Var::from_vec(drawn(outputs), outputs, &Device::Cpu)?,
            noise: None,
        })
    }

    fn noisy(inputs: usize, outputs: usize, chance: &mut Chance) -> Outcome<Self> {
        let mut layer = Self::new(inputs, outputs, chance)?;
        let strength = NOISE / single(inputs.max(1)).sqrt();
        let constant = |count: usize| vec![strength; count];
        let weight = Var::from_vec(constant(outputs * inputs), (outputs, inputs), &Device::Cpu)?;
        let bias = Var::from_vec(constant(outputs), outputs, &Device::Cpu)?;
        let now = (weight.zeros_like()?, bias.zeros_like()?);
        layer.noise = Some(Noise { weight, bias, now });
        Ok(layer)
    }

    fn forward(&self, input: &Tensor) -> Outcome<Tensor> {
        Ok(input.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)?)
    }

    fn forward_with_noise(&self, input: &Tensor) -> Outcome<Tensor> {
        let Some(noise) = &self.noise else { return self.forward(input) };
        let weight = (self.weight.as_tensor() + (noise.weight.as_tensor() * &noise.now.0)?)?;
        let bias = (self.bias.as_tensor() + (noise.bias.as_tensor() * &noise.now.1)?)?;
        Ok(input.matmul(&weight.t()?)?.broadcast_add(&bias)?)
    }

    fn renew_noise(&mut self, chance: &mut Chance) -> Outcome<()> {
        let (outputs, inputs) = self.weight.dims2()?;
        let Some(noise) = &mut self.noise else { return Ok(()) };
        // Factorised: one figure for each input and each output, and their products in between.
        let mut drawn = |count: usize| -> Vec<f32> {
            (0..count)
                .map(|_| chance.normal())
                .map(|figure| figure.signum() * figure.abs().sqrt())
                .collect()
        };
        let of_inputs = Tensor::from_vec(drawn(inputs), (1, inputs), &Device::Cpu)?;
        let of_outputs = Tensor::from_vec(drawn(outputs), (outputs, 1), &Device::Cpu)?;
        noise.now = (of_outputs.matmul(&of_inputs)?, of_outputs.squeeze(1)?);
        Ok(())
    }

    fn parameters(&self) -> Vec<&Var> {
        let noise = self.noise.iter().flat_map(|noise| [&noise.weight, &noise.bias]);
        [&self.weight, &self.bias].into_iter().chain(noise).collect()
    }
}

impl Network {
    /// A network with layers of these widths, the inputs first.
    pub fn new(widths: &[usize], chance: &mut Chance) -> Outcome<Self> {
        Self::of_layers(widths, |inputs, outputs| Layer::new(inputs, outputs, chance))
    }

    /// The same with noise on every layer.
    pub fn noisy(widths: &[usize], chance: &mut Chance) -> Outcome<Self> {
        Self::of_layers(widths, |inputs, outputs| Layer::noisy(inputs, outputs, chance))
    }

    fn of_layers(
        widths: &[usize],
        mut layer: impl FnMut(usize, usize) -> Outcome<Layer>,
    ) -> Outcome<Self> {
        let widths = widths.iter().zip(widths.iter().skip(1));
        let layers = widths.map(|(inputs, outputs)| layer(*inputs, *outputs));
        Ok(Self { layers: layers.collect::<Outcome<_>>()? })
    }

    /// What it makes of a batch, without noise.
    pub fn forward(&self, input: &Tensor) -> Outcome<Tensor> {
        self.through(input, Layer::forward)
    }

    /// What it makes of a batch under the noise of the moment.
    pub fn forward_with_noise(&self, input: &Tensor) -> Outcome<Tensor> {
        self.through(input, Layer::forward_with_noise)
    }

    fn through(
        &self,
        input: &Tensor,
        forward: impl Fn(&Layer, &Tensor) -> Outcome<Tensor>,
    ) -> Outcome<Tensor> {
        let mut signal = input.clone();
        for (place, layer) in self.layers.iter().enumerate() {
            if place > 0 {
                signal = signal.relu()?;
            }
            signal = forward(layer, &signal)?;
        }
        Ok(signal)
    }

    /// Draws the noise anew.
    pub fn renew_noise(&mut self, chance: &mut Chance) -> Outcome<()> {
        self.layers.iter_mut().try_for_each(|layer| layer.renew_noise(chance))
    }

    /// What an optimiser moves.
    pub fn parameters(&self) -> Vec<Var> {
        self.layers.iter().flat_map(Layer::parameters).cloned().collect()
    }

    /// Goes `part` of the way to another network of the same widths.
    pub fn approach(&self, other: &Self, part: f64) -> Outcome<()> {
        for (mine, its) in self.parameters().iter().zip(other.parameters()) {
            let its = its.as_detached_tensor();
            let moved = ((mine.as_detached_tensor() * (1.0 - part))? + (its * part)?)?;
            mine.set(&moved)?;
        }
        Ok(())
    }

    /// Weights and biases under `PyTorch`'s names of an `nn.Sequential` called `name`, in which every other place is a
    /// rectifier's. Noise is for learning only and left out.
    pub fn store(&self, name: &str, tensors: &mut Tensors) {
        for (place, layer) in self.layers.iter().enumerate() {
            let place = 2 * place;
            tensors.insert(format!("{name}.{place}.weight"), layer.weight.as_detached_tensor());
            tensors.insert(format!("{name}.{place}.bias"), layer.bias.as_detached_tensor());
        }
    }

    /// The network that [`Network::store`] has stored, with these first and last widths.
    pub fn restore(name: &str, tensors: &Tensors, first: usize, last: usize) -> Outcome<Self> {
        let mut layers = Vec::new();
        let mut width = first;
        while let Some(weight) = tensors.get(&format!("{name}.{}.weight", 2 * layers.len())) {
            let bias = tensors.get(&format!("{name}.{}.bias", 2 * layers.len()));
            let (outputs, inputs) = weight.dims2()?;
            let bias = bias.filter(|bias| bias.dims() == [outputs]);
            let Some(bias) = bias.filter(|_| inputs == width) else {
                return Err(LearningError::Model(format!("the layers of {name} do not fit")));
            };
            let (weight, bias) = (Var::from_tensor(weight)?, Var::from_tensor(bias)?);
            layers.push(Layer { weight, bias, noise: None });
            width = outputs;
        }
        if layers.is_empty() || width != last {
            return Err(LearningError::Model(format!("{name} has not {last} outputs")));
        }
        Ok(Self { layers })
    }

    /// The width of the last layer.
    pub fn outputs(&self) -> Outcome<usize> {
        let last = self.layers.last().map_or(Ok(0), |layer| layer.bias.dims1());
        Ok(last?)
    }
}
