package terminal

import "strings"

// The heights of a sparkline. The first is for nothing at all, so that little can be told from none.
var (
	heights      = []rune("▁▂▃▄▅▆▇█")
	plainHeights = []rune("_.:-=+*#")
)

// Sparkline draws one column a value, as high as the value is beside the greatest. Values below nothing count as nothing.
func (t Terminal) Sparkline(values []int64) string {
	levels := heights
	if !t.Unicode {
		levels = plainHeights
	}
	var most int64
	for _, v := range values {
		most = max(most, v)
	}
	top := len(levels) - 1
	var b strings.Builder
	for _, v := range values {
		level := 0
		if v > 0 {
			level = max(1, int(float64(v)/float64(most)*float64(top)+0.5))
		}
		b.WriteRune(levels[level])
	}
	return b.String()
}
