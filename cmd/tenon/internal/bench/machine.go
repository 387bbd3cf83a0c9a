package bench

import (
	"bufio"
	"os"
	"runtime"
	"strings"
	"time"
)

// A Machine is what was measured. Figures of two machines, or of one on two file systems, are not to be compared.
type Machine struct {
	Date       time.Time `json:"date"`
	Go         string    `json:"go"`
	System     string    `json:"system"` // operating system and architecture
	CPU        string    `json:"cpu"`    // empty when the system does not tell
	CPUs       int       `json:"cpus"`
	GOMAXPROCS int       `json:"gomaxprocs"`
	Dir        string    `json:"dir"` // where files were written
	Filesystem string    `json:"filesystem"`
	InMemory   bool      `json:"in_memory"` // that file system has no disk: an fsync costs nothing, and durable figures say nothing
}

func describe(dir string) Machine {
	m := Machine{
		Date: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		CPU: cpuModel(), CPUs: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0), Dir: dir,
	}
	m.Filesystem, m.InMemory = filesystem(dir)
	return m
}

// cpuModel is the model's name where the system tells it in a file.
func cpuModel() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
