package interop

import (
	"os/exec"
	"testing"
)

// A person goes through every page in a real browser. TENON_SHOTS names a directory that keeps the pictures.
func TestInABrowser(t *testing.T) {
	long(t, "a person in a browser")
	peers(t)
	chromium, err := exec.LookPath("chromium")
	needs(t, err == nil, "chromium")
	t.Setenv("CHROMIUM", chromium)
	newHouse(t, "").script("browser.test.mjs")
}
