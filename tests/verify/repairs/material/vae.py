"""Variational autoencoder, everything in one class: loss(x, eps) with the noise given, gradient() -> dict; Bernoulli decoder, KL weight beta."""
import numpy as np


class VAE:
    def __init__(self, rng, n_x, n_h, n_z, n_d, beta=0.7):
        def w(a, b):
            return rng.standard_normal((a, b)) / np.sqrt(a)

        def c(a):
            return 0.4 * rng.standard_normal(a)

        self.beta = beta
        self.p = dict(We=w(n_x, n_h), be=c(n_h), Wmu=w(n_h, n_z), bmu=c(n_z), Wlv=w(n_h, n_z), blv=c(n_z) - 1,
                      Wd=w(n_z, n_d), bd=c(n_d) + 0.7, Wo=w(n_d, n_x), bo=c(n_x))

    def loss(self, x, eps):
        p = self.p
        self.x, self.eps = x, eps
        # encoder
        self.h = np.tanh(x @ p["We"] + p["be"])
        self.mu = self.h @ p["Wmu"] + p["bmu"]
        self.logvar = self.h @ p["Wlv"] + p["blv"]
        # reparameterisation
        self.std = np.exp(0.5 * self.logvar)
        self.z = self.mu + self.std * eps
        # decoder
        self.a = self.z @ p["Wd"] + p["bd"]
        self.d = np.maximum(self.a, 0)
        self.o = self.d @ p["Wo"] + p["bo"]
        self.xr = 1 / (1 + np.exp(-self.o))
        recon = -np.sum(x * np.log(self.xr) + (1 - x) * np.log(1 - self.xr))
        kl = -0.5 * np.sum(1 + self.logvar - self.mu ** 2 - np.exp(self.logvar))
        return (recon + self.beta * kl) / x.shape[0]

    def gradient(self):
        p, g = self.p, {}
        m = self.x.shape[0]

        do = (self.xr - self.x) / m
        g["Wo"] = self.d.T @ do
        g["bo"] = do.sum(0)
        da = (do @ p["Wo"].T) * (self.a > 0)
        g["Wd"] = self.z.T @ da
        g["bd"] = da.sum(0)
        dz = da @ p["Wd"].T

        # z = mu + exp(logvar / 2) * eps, plus the KL term
        dmu = dz + self.beta * self.mu / m
        dlogvar = dz * self.eps * 0.5 * self.std
        dlogvar += self.beta * 0.5 * (np.exp(self.logvar) - 1) / m

        g["Wmu"] = self.h.T @ dmu
        g["bmu"] = dmu.sum(0)
        g["Wlv"] = self.h.T @ dlogvar
        g["blv"] = dlogvar.sum(0)

        dh = dmu @ p["Wmu"].T + dlogvar @ p["Wlv"].T
        dpre = dh * (1 - self.h ** 2)
        g["We"] = self.x.T @ dpre
        g["be"] = dpre.sum(0)
        return g


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return VAE(rng, 6, 4, 2, 3), (rng.uniform(0.1, 0.9, (5, 6)), rng.standard_normal((5, 2)))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return VAE(rng, 5, 3, 2, 6), (rng.uniform(0.1, 0.9, (4, 5)), rng.standard_normal((4, 2)))


MISTAKES = [
    ("dlogvar = dz * self.eps * 0.5 * self.std", "dlogvar = dz * self.eps * self.std",
     "factor 0.5 forgotten", "The derivative of exp(logvar/2) has a half."),
    ("dlogvar = dz * self.eps * 0.5 * self.std", "dlogvar = dz * 0.5 * self.std",
     "noise forgotten", "eps multiplies the standard deviation and so its gradient."),
    ("dlogvar = dz * self.eps * 0.5 * self.std", "dlogvar = dz * self.eps * 0.5 * np.exp(self.logvar)",
     "variance for standard deviation", "exp(logvar) in place of exp(logvar/2)."),
    ("        dlogvar += self.beta * 0.5 * (np.exp(self.logvar) - 1) / m\n", "        dlogvar = self.beta * 0.5 * (np.exp(self.logvar) - 1) / m\n",
     "= for +=", "The reconstruction's gradient is overwritten by the KL's."),
    ("        dlogvar += self.beta * 0.5 * (np.exp(self.logvar) - 1) / m\n", "        dlogvar += self.beta * 0.5 * (1 - np.exp(self.logvar)) / m\n",
     "sign", "The KL term's sign for the log variance."),
    ("dmu = dz + self.beta * self.mu / m", "dmu = dz",
     "term forgotten", "The KL's pull on the mean is missing."),
    ("dmu = dz + self.beta * self.mu / m", "dmu = dz + self.mu / m",
     "weight forgotten", "beta is missing in the KL's gradient."),
    ("dh = dmu @ p[\"Wmu\"].T + dlogvar @ p[\"Wlv\"].T", "dh = dmu @ p[\"Wmu\"].T",
     "branch forgotten", "The head of the log variance sends nothing back to the encoder."),
    ("dh = dmu @ p[\"Wmu\"].T + dlogvar @ p[\"Wlv\"].T", "dh = dmu @ p[\"Wlv\"].T + dlogvar @ p[\"Wmu\"].T",
     "weights exchanged", "The two heads' matrices have the same shape."),
    ("da = (do @ p[\"Wo\"].T) * (self.a > 0)", "da = (do @ p[\"Wo\"].T) * self.d",
     "activation for its derivative", "Multiplied by relu(a) in place of relu'(a)."),
    ("g[\"Wd\"] = self.z.T @ da", "g[\"Wd\"] = self.mu.T @ da",
     "wrong variable of the same shape", "The mean for the sample."),
    ("        dmu = dz + self.beta * self.mu / m\n        dlogvar = dz * self.eps * 0.5 * self.std\n        dlogvar += self.beta * 0.5 * (np.exp(self.logvar) - 1) / m\n",
     "        dmu = dz + self.beta * self.mu\n        dlogvar = dz * self.eps * 0.5 * self.std\n        dlogvar += self.beta * 0.5 * (np.exp(self.logvar) - 1)\n",
     "two: 1/m forgotten in the KL", "The KL is averaged over the batch like the rest."),
]
