package config

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A Path names a file or directory. A relative one is relative to the configuration file, not to where the command runs.
type Path string

// A Size is a number of bytes, written as "64KiB", "1MiB" or a plain number.
type Size int64

const (
	kibibyte = 1 << 10
	mebibyte = 1 << 20
	day      = 24 * time.Hour
)

// String writes the size in the largest unit that leaves no rest.
func (s Size) String() string {
	switch {
	case s != 0 && s%mebibyte == 0:
		return fmt.Sprintf("%dMiB", s/mebibyte)
	case s != 0 && s%kibibyte == 0:
		return fmt.Sprintf("%dKiB", s/kibibyte)
	}
	return strconv.FormatInt(int64(s), 10)
}

func parseSize(text string) (Size, error) {
	unit := int64(1)
	number := text
	for suffix, bytes := range map[string]int64{"KiB": kibibyte, "MiB": mebibyte} {
		if n, ok := strings.CutSuffix(text, suffix); ok {
			number, unit = n, bytes
		}
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf(`a size is written as "64KiB", "1MiB" or a number of bytes`)
	}
	return Size(n * unit), nil
}

// parseDuration reads what time.ParseDuration reads, and whole days ("30d").
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * day, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf(`a duration is written as "30s", "5m", "2h" or "30d"`)
	}
	return d, nil
}

// FormatDuration writes a duration as the file has it: "5m", not "5m0s".
func FormatDuration(d time.Duration) string {
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func resolve(dir, path string) Path {
	if path == "" || filepath.IsAbs(path) {
		return Path(path)
	}
	return Path(filepath.Join(dir, path))
}
