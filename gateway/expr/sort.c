#include "gateway/expr/strings.h"

/* Two sorted runs, from[cut[0], cut[1]) and from[cut[1], cut[2]). */
static void merge(const uint32_t *from, uint32_t *to, const uint32_t cut[3],
                  expr_precedes *precedes, void *context)
{
    uint32_t a = cut[0], b = cut[1];
    for (uint32_t i = cut[0]; i < cut[2]; i++) {
        bool right = a == cut[1] || (b < cut[2] && precedes(context, from[b], from[a]));
        to[i] = from[right ? b++ : a++];
    }
}

/* Runs of doubling length, back and forth between the two arrays. */
void expr_sort(uint32_t *order, uint32_t *spare, uint32_t n, expr_precedes *precedes, void *context)
{
    uint32_t *from = order, *to = spare;
    for (uint32_t width = 1; width<n; width = width> n / 2 ? n : 2 * width) {
        for (uint32_t low = 0; low < n;) {
            uint32_t middle = n - low < width ? n : low + width;
            uint32_t high = n - middle < width ? n : middle + width;
            merge(from, to, (uint32_t[]){low, middle, high}, precedes, context);
            low = high;
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order)
        memcpy(order, from, n * sizeof *order);
}
