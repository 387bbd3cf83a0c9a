package dpop_test

import "math/big"

// A little arithmetic on the curve of Ed25519 (RFC 8032 §5.1), slow and plain, to compute its points of small order.
var (
	edP = new(big.Int).Sub(power(255), big.NewInt(19))
	edL = new(big.Int).Add(power(252), decimal("27742317777372353535851937790883648493"))
	edD = mod(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), edP)))
)

type edPoint struct{ x, y *big.Int }

func power(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }

func decimal(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

func mod(n *big.Int) *big.Int { return n.Mod(n, edP) }

func mul(a, b *big.Int) *big.Int { return mod(new(big.Int).Mul(a, b)) }

// withY returns a point with the given y, false when there is none.
func withY(y *big.Int) (edPoint, bool) {
	one, yy := big.NewInt(1), mul(y, y)
	denominator := mod(new(big.Int).Add(mul(edD, yy), one))
	xx := mul(new(big.Int).Sub(yy, one), new(big.Int).ModInverse(denominator, edP))
	x := new(big.Int).ModSqrt(xx, edP)
	return edPoint{x, mod(new(big.Int).Set(y))}, x != nil
}

func (a edPoint) add(b edPoint) edPoint {
	one := big.NewInt(1)
	k := mul(edD, mul(mul(a.x, b.x), mul(a.y, b.y)))
	x := mul(new(big.Int).Add(mul(a.x, b.y), mul(a.y, b.x)), new(big.Int).ModInverse(mod(new(big.Int).Add(one, k)), edP))
	y := mul(new(big.Int).Add(mul(a.y, b.y), mul(a.x, b.x)), new(big.Int).ModInverse(mod(new(big.Int).Sub(one, k)), edP))
	return edPoint{x, y}
}

func (a edPoint) times(n *big.Int) edPoint {
	sum := edPoint{big.NewInt(0), big.NewInt(1)}
	for i := n.BitLen() - 1; i >= 0; i-- {
		if sum = sum.add(sum); n.Bit(i) == 1 {
			sum = sum.add(a)
		}
	}
	return sum
}

// smallOrderY returns every y that 32 bytes can spell for a point whose order divides 8: five values, and those below 19 once
// more with p added.
func smallOrderY() []*big.Int {
	var all []*big.Int
	seen := map[string]bool{}
	keep := func(y *big.Int) {
		if !seen[y.String()] && y.BitLen() <= 255 {
			seen[y.String()] = true
			all = append(all, y)
		}
	}
	for n := int64(2); n < 60; n++ {
		if p, ok := withY(big.NewInt(n)); ok {
			small := p.times(edL)
			for q, i := small, 0; i < 8; q, i = q.add(small), i+1 {
				keep(q.y)
				keep(new(big.Int).Add(q.y, edP))
			}
		}
	}
	return all
}

func littleEndian(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 32))
	for i := range 16 {
		b[i], b[31-i] = b[31-i], b[i]
	}
	return b
}
