"""Golden values of the log-mel filterbank and the resampler, from torchaudio.

Usage: python3 make_audio.py > audio.json

The signals come from a small generator of whole numbers (seed below), so that the test makes the same ones bit for bit;
their last quarter is silent, which reaches the energy floor. torchaudio computes in float64 here. Kaldi's own code,
in kaldi-native-fbank, must agree; the largest distance is printed on standard error.
Needs torch and torchaudio (made with 2.11.0) and kaldi-native-fbank (1.23.0).
"""

import json
import sys

import kaldi_native_fbank as knf
import numpy as np
import torch
import torchaudio

SEED = 7


def signal(count, seed=SEED):
    values, state = [], seed
    for n in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        noise = state / 2**32 - 0.5
        values.append(0.0 if 4 * n >= 3 * count else ((37 * n) % 200 - 100) / 250 + noise / 8 + 0.05)
    return np.array(values, dtype=np.float32)


def kaldi(samples, length, shift):
    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.frame_length_ms = length
    options.frame_opts.frame_shift_ms = shift
    options.frame_opts.window_type = "hamming"
    options.mel_opts.num_bins = 80
    options.energy_floor = 0
    bank = knf.OnlineFbank(options)
    bank.accept_waveform(16000, samples.tolist())
    bank.input_finished()
    return np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)])


def filterbank(length, shift):
    samples = signal(2500)
    features = torchaudio.compliance.kaldi.fbank(
        torch.from_numpy(samples.astype(np.float64))[None],
        frame_length=length,
        frame_shift=shift,
        num_mel_bins=80,
        window_type="hamming",
    ).numpy()
    other = kaldi(samples, length, shift)
    assert other.shape == features.shape
    loud = features > -14  # Kaldi's own floor is applied to float32 rounding noise in the silent frames
    print("kaldi", length, shift, features.shape, np.abs(other - features)[loud].max(), loud.mean(), file=sys.stderr)
    return [float(f"{value:.7g}") for value in features.ravel()]


def resampled(source, target, count):
    samples = torch.from_numpy(signal(count).astype(np.float64))[None]
    values = torchaudio.functional.resample(samples, source, target).numpy()[0]
    # Below Float32, and of no account beside samples of size 1.
    return [float(f"{value:.7g}") if abs(value) > 1e-12 else 0.0 for value in values]


print(
    json.dumps(
        {
            "filterbank": {f"{length} {shift}": filterbank(length, shift) for length, shift in [(25, 10), (40, 20)]},
            "resampled": {
                f"{source} {target} {count}": resampled(source, target, count)
                for source, target, count in [
                    (44100, 16000, 700), (48000, 16000, 301), (22050, 16000, 250), (8000, 16000, 120), (11025, 16000, 1)
                ]
            },
        }
    )
)
