#include "metric/statistics.h"


#include <float.h>
#include <math.h>
#include <stdbool.h>

// Continued fraction of the incomplete beta function by Lentz's method (DLMF 8.17.22)
static double beta_fraction(double x, double a, double b) {
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        const double terms[2] = {even, odd};
        double step = 1;
        for (int i = 0; i < 2; i++) {
            d = 1 + terms[i] * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + terms[i] / c;
            if (fabs(c) < tiny) c = tiny;
            step = c * d;
            h *= step;
        }
        if (fabs(step - 1) < 1e-16) break;
    }
    return h;
}

// regularised incomplete beta function I_x(a, b); y = 1 - x, given apart to keep its digits
static double beta_part(double x, double y, double a, double b) {
    if (x <= 0) return 0;
    if (y <= 0) return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
    return 1 - front * beta_fraction(y, b, a) / b;
}

// beyond this many degrees of freedom t and the normal differ by less than 1e-8 of a probability
static bool is_normal(double df) {
    return !(df < 1e8);
}

// P(T > t) for t >= 0
static double upper_tail(double t, double df) {
    if (is_normal(df)) return 0.5 * erfc(t / sqrt(2.0));
    double square = t * t;
    return 0.5 * beta_part(df / (df + square), square / (df + square), df / 2, 0.5);
}

double student_t_cdf(double t, double df) {
    return t < 0 ? upper_tail(-t, df) : 1 - upper_tail(t, df);
}

double student_t_quantile(double p, double df) {
    if (p == 0.5) return 0;
    double tail = p < 0.5 ? p : 1 - p, low = 0, high = 1;
    while (upper_tail(high, df) > tail && high < 1e300) high *= 2;
    // bisection to the last bit: the tail falls monotonically
    for (int i = 0; i < 200; i++) {
        double middle = 0.5 * (low + high);
        if (middle <= low || middle >= high) break;
        if (upper_tail(middle, df) > tail)
            low = middle;
        else
            high = middle;
    }
    return p < 0.5 ? -high : high;
}

double mcnemar_exact(uint64_t b, uint64_t c) {
    uint64_t n = b + c, k = b < c ? b : c;
    if (!n) return 1;
    double half = (double)n * log(0.5), sum = 0;
    double ends = lgamma((double)n + 1);
    for (uint64_t i = k + 1; i-- > 0;) {
        double term = exp(ends - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) + half);
        sum += term;
        if (term < sum * 1e-18) break; // terms fall towards 0
    }
    return sum < 0.5 ? 2 * sum : 1;
}

double mean_of(const double *values, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += values[i];
    return sum / (double)count;
}

double std_of(const double *values, size_t count) {
    if (count < 2) return 0;
    double mean = mean_of(values, count), sum = 0;
    for (size_t i = 0; i < count; i++) sum += (values[i] - mean) * (values[i] - mean);
    return sqrt(sum / (double)(count - 1));
}

void resampled_means(double *means, const double *resampled, size_t runs, size_t draws) {
    for (size_t d = 0; d < draws; d++) means[d] = 0;
    for (size_t r = 0; r < runs; r++)
        for (size_t d = 0; d < draws; d++) means[d] += resampled[r * draws + d] / (double)runs;
}

double variance_of(const double *a, const double *b, size_t count) {
    double mean = 0, square = 0;
    if (count < 2) return 0;
    for (size_t d = 0; d < count; d++) mean += b ? a[d] - b[d] : a[d];
    mean /= (double)count;
    for (size_t d = 0; d < count; d++) {
        double step = (b ? a[d] - b[d] : a[d]) - mean;
        square += step * step;
    }
    return square / (double)(count - 1);
}

double statistics_floor(size_t units) {
    return 1 / (double)units;
}

// an estimate that knows its rows alone, of what resamples vary by. *sum: its Welch-Satterthwaite
// part
static estimate of_rows(double *sum, double value, double resampled, size_t units) {
    double n = units > 1 ? (double)units : 2, floor = statistics_floor(units);
    // the bootstrap divides by n where an estimate divides by n - 1
    double variance = fmax(resampled * (n / (n - 1)), floor * floor);
    *sum = variance * variance / (n - 1);
    return (estimate){.value = value, .variance = variance};
}

// adds s^2 / S to the variance, and its part of the Welch-Satterthwaite sum
static void add_seeds(estimate *x, double *sum, const double *scores, size_t runs) {
    if (runs < 2) return;
    double s = std_of(scores, runs), part = s * s / (double)runs;
    x->variance += part;
    *sum += part * part / (double)(runs - 1);
}

estimate estimate_of_variance(const double *scores_a, size_t runs_a, const double *scores_b,
                              size_t runs_b, double variance, size_t units) {
    double sum, value = mean_of(scores_a, runs_a) - mean_of(scores_b, runs_b);
    estimate x = of_rows(&sum, value, variance, units);
    add_seeds(&x, &sum, scores_a, runs_a);
    add_seeds(&x, &sum, scores_b, runs_b);
    x.df = x.variance * x.variance / sum;
    return x;
}

estimate estimate_difference(const double *scores_a, size_t runs_a, const double *means_a,
                             const double *scores_b, size_t runs_b, const double *means_b,
                             size_t draws, size_t units) {
    return estimate_of_variance(scores_a, runs_a, scores_b, runs_b,
                                variance_of(means_a, means_b, draws), units);
}

estimate estimate_mean(const double *scores, size_t runs, const double *means, size_t draws,
                       size_t units) {
    double sum;
    estimate x = of_rows(&sum, mean_of(scores, runs), variance_of(means, NULL, draws), units);
    add_seeds(&x, &sum, scores, runs);
    x.df = x.variance * x.variance / sum;
    return x;
}

interval estimate_interval(const estimate *x) {
    double half = student_t_quantile(0.975, x->df) * sqrt(x->variance);
    return (interval){x->value - half, x->value + half};
}

double estimate_p(const estimate *x) {
    // the tail of a large difference can be below what a double holds
    return fmax(2 * upper_tail(fabs(x->value) / sqrt(x->variance), x->df), DBL_MIN);
}
