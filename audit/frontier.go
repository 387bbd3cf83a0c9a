package audit

import (
	"crypto/sha256"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A frontier is the right side of a growing tree: the largest complete subtrees, from left to right. It is all that is needed to
// append leaves and to tell the root at any time (RFC 6962 §2.1).
type frontier struct{ trees []subtree }

// A subtree is complete: it has 2 to the power of level leaves.
type subtree struct {
	level int
	hash  tlog.Hash
}

// push appends a complete subtree. complete, which may be nil, is called for every subtree that comes to be, the pushed one
// included, from small to large.
func (f *frontier) push(t subtree, complete func(subtree)) {
	for {
		if complete != nil {
			complete(t)
		}
		last := len(f.trees) - 1
		if last < 0 || f.trees[last].level != t.level {
			break
		}
		t = subtree{t.level + 1, tlog.NodeHash(f.trees[last].hash, t.hash)}
		f.trees = f.trees[:last]
	}
	f.trees = append(f.trees, t)
}

func (f *frontier) clone() *frontier { return &frontier{slices.Clone(f.trees)} }

// root is the hash of the whole tree.
func (f *frontier) root() tlog.Hash {
	if len(f.trees) == 0 {
		return sha256.Sum256(nil) // RFC 6962 §2.1: the empty tree
	}
	last := len(f.trees) - 1
	root := f.trees[last].hash
	for i := last - 1; i >= 0; i-- {
		root = tlog.NodeHash(f.trees[i].hash, root)
	}
	return root
}

// rootWith is the root after some more leaves.
func (f *frontier) rootWith(leaves []tlog.Hash) tlog.Hash {
	grown := f.clone()
	for _, h := range leaves {
		grown.push(subtree{0, h}, nil)
	}
	return grown.root()
}

// tileRoot is the hash over the 256 hashes of a full tile. It works in place of a copy.
func tileRoot(hashes []tlog.Hash) tlog.Hash {
	var row [TileWidth / 2]tlog.Hash
	for i := range row {
		row[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
	}
	for n := len(row) / 2; n > 0; n /= 2 {
		for i := range n {
			row[i] = tlog.NodeHash(row[2*i], row[2*i+1])
		}
	}
	return row[0]
}
