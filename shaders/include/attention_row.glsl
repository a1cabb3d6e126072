// One row of queries against the keys of its sentence, by a workgroup of 64: a lane scores a key, then
// owns channels. Who includes this defines, for the key's row of the sentence and a channel,
//   QUERY(c), KEY(row, c), VALUE(row, c)
layout(constant_id = 3) const uint CHANNELS = 1u; // of one lane: D / 64, rounded up

const uint LANES = 64u;
shared float scores[LANES];
shared float keeps[LANES];

float sum[CHANNELS]; // of channels lane, lane + 64 ...
float top, total;    // the result is sum / total; lse is top + log(total)

void attend(uint length, uint position, uint head, uint ordinal) {
    uint lane = gl_LocalInvocationID.x;
    top = -3.0e38;
    total = 0.0;
    for (uint n = 0u; n < CHANNELS; n++) sum[n] = 0.0;
    for (uint block = 0u; block < length; block += LANES) {
        uint key = block + lane, count = min(LANES, length - block);
        float score = -3.0e38;
        if (key < length) {
            score = 0.0;
            for (uint c = 0u; c < push.head_size; c++) score += QUERY(c) * KEY(key, c);
            score *= push.scale;
        }
        barrier(); // the block before has been read
        scores[lane] = score;
        keeps[lane] = keep_factors(push.drop, key / 4u, position, head, ordinal)[key % 4u];
        barrier();
        float higher = top;
        for (uint i = 0u; i < count; i++) higher = max(higher, scores[i]);
        float rescale = exp(top - higher), part = 0.0, added[CHANNELS];
        for (uint n = 0u; n < CHANNELS; n++) added[n] = 0.0;
        for (uint i = 0u; i < count; i++) {
            float p = exp(scores[i] - higher), kept = p * keeps[i];
            part += p;
            for (uint n = 0u; n < CHANNELS; n++) {
                uint c = lane + n * LANES;
                if (c < push.head_size) added[n] += kept * VALUE(block + i, c);
            }
        }
        total = total * rescale + part;
        for (uint n = 0u; n < CHANNELS; n++) sum[n] = sum[n] * rescale + added[n];
        top = higher;
    }
}
