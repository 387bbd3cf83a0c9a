package audit

import "context"

// Disk is the seam to the file system, for tests that let it fail.
type Disk = disk

// Written is a file on it.
type Written = written

// RealDisk is what is there without a test.
func RealDisk() Disk { return fileSystem{} }

// OpenPublisherOn opens a publisher that writes through d.
func OpenPublisherOn(ctx context.Context, c PublisherConfig, d Disk) (*Publisher, error) {
	return openPublisher(ctx, c, d)
}
