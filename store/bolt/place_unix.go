//go:build unix

package bolt

import (
	"encoding/binary"
	"io/fs"
	"syscall"
)

// placeOf is the inode: a copy has another. The device is left out, its number may change with every boot.
func placeOf(info fs.FileInfo) []byte {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return binary.BigEndian.AppendUint64(nil, uint64(stat.Ino))
	}
	return nil
}
