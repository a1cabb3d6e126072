// erf by two polynomials through Chebyshev nodes: x P(x^2) below 0.9 and 1 - exp(Q) above, where Q
// approximates ln erfc on [0.9, 4]. Largest absolute error with every step rounded to f32: 1.8e-7.
float erf(float x) {
    float size = abs(x);
    float s = x * x;
    float p = 8.529401384294033e-05;
    p = p * s - 0.0008179632131941617;
    p = p * s + 0.0052042268216609955;
    p = p * s - 0.026860665529966354;
    p = p * s + 0.11283718049526215;
    p = p * s - 0.37612634897232056;
    p = p * s + 1.128379225730896;
    float t = (min(size, 4.0) - 2.45) / 1.55;
    float q = -2.2999868178885663e-06;
    q = q * t + 5.371398219722323e-05;
    q = q * t - 0.00029471906600520015;
    q = q * t + 0.00113950134254992;
    q = q * t - 0.003976915497332811;
    q = q * t + 0.01312064379453659;
    q = q * t - 0.042087048292160034;
    q = q * t - 2.263711929321289;
    q = q * t - 8.150479316711426;
    q = q * t - 7.541539669036865;
    float large = 1.0 - exp(q);
    return size < 0.9 ? x * p : (x < 0.0 ? -large : large);
}

float gelu(float x) { return 0.5 * x * (1.0 + erf(x * 0.70710678118654752)); }

// d gelu / dx = Phi(x) + x phi(x)
float gelu_slope(float x) {
    float density = 0.39894228040143268 * exp(-0.5 * x * x);
    return 0.5 * (1.0 + erf(x * 0.70710678118654752)) + x * density;
}

// tanh in GELU's approximation; its argument is held where no driver's exp overflows
float gelu_tanh_part(float x) {
    return tanh(clamp(0.79788456080286536 * (x + 0.044715 * x * x * x), -15.0, 15.0));
}

float gelu_tanh_slope(float x) {
    float t = gelu_tanh_part(x);
    float slope = 0.79788456080286536 * (1.0 + 0.134145 * x * x);
    return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope;
}

// compute/ops.h
const uint ACT_NONE = 0u, ACT_GELU = 1u, ACT_TANH = 2u, ACT_RELU = 3u, ACT_GELU_TANH = 4u;

float activate(uint act, float z) {
    if (act == ACT_GELU) return gelu(z);
    if (act == ACT_TANH) return tanh(z);
    if (act == ACT_RELU) return max(z, 0.0);
    if (act == ACT_GELU_TANH) return 0.5 * z * (1.0 + gelu_tanh_part(z));
    return z;
}

// Of what goes by z in the backward.
float activation_slope(uint act, float z) {
    if (act == ACT_GELU) return gelu_slope(z);
    if (act == ACT_RELU) return z > 0.0 ? 1.0 : 0.0;
    if (act == ACT_GELU_TANH) return gelu_tanh_slope(z);
    return 1.0;
}
