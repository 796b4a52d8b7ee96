package wshost

import (
	"bytes"
	"strings"
	"unsafe"
)

// Bucket is keys and values in a file of the host, which outlive a reload, a crash and a restart. The configuration must
// grant the file: `grant = ["keyvalue:FILE"]`. A key has at most 1 KiB, a value 1 MiB. Errors are of type
// [*CapabilityError].
type Bucket struct{ name string }

// OpenBucket opens the bucket of this name, which all instances of all resources with this file share. The name "" is the
// bucket of this actor, for example of the room at a path. It works only during events.
func OpenBucket(name string) (Bucket, error) {
	bucket := Bucket{name}
	return bucket, bucket.with(func(uint32) error { return nil })
}

// Get returns the value of a key, or nil if there is none.
func (b Bucket) Get(key string) (value []byte, err error) {
	err = b.with(func(bucket uint32) error {
		bucketGet(bucket, utf8Of(key), area())
		if err := resultBucketError(0); err != nil {
			return err
		}
		if resultByte(4) != 0 {
			value = bytesFrom(resultWord(8), resultWord(12))
		}
		return nil
	})
	return value, err
}

// Set sets a value. It is on the disk when Set returns.
func (b Bucket) Set(key string, value []byte) error {
	return b.with(func(bucket uint32) error {
		bucketSet(bucket, utf8Of(key), passed(value), area())
		return resultBucketError(0)
	})
}

// Delete removes a key. There need not be one.
func (b Bucket) Delete(key string) error {
	return b.with(func(bucket uint32) error {
		bucketDelete(bucket, utf8Of(key), area())
		return resultBucketError(0)
	})
}

// Exists is whether there is a value of this key.
func (b Bucket) Exists(key string) (exists bool, err error) {
	err = b.with(func(bucket uint32) error {
		bucketExists(bucket, utf8Of(key), area())
		exists = resultByte(4) != 0
		return resultBucketError(0)
	})
	return exists && err == nil, err
}

// Increment adds to a value that is a number in decimal digits, and returns the sum. No other instance can come in
// between. A key without a value counts from 0.
func (b Bucket) Increment(key string, by int64) (sum int64, err error) {
	err = b.with(func(bucket uint32) error {
		bucketIncrement(bucket, utf8Of(key), by, area())
		if err := resultBucketError(4); err != nil {
			return err
		}
		sum = int64(results[1])
		return nil
	})
	return sum, err
}

// CompareAndSwap sets a value if it is still the expected one, or if there is none and expected is nil. It returns whether
// the value was set. No other instance can come in between.
func (b Bucket) CompareAndSwap(key string, expected, value []byte) (swapped bool, err error) {
	err = b.with(func(bucket uint32) error {
		casNew(bucket, utf8Of(key), area())
		if err := resultBucketError(0); err != nil {
			return err
		}
		cas := resultWord(4)
		casCurrent(cas, area())
		err := resultBucketError(0)
		if err != nil || !isExpected(expected) {
			dropCas(cas)
			return err
		}
		// The host sets the value only if it is the one that casCurrent has returned.
		casSwap(cas, passed(value), area())
		if resultByte(0) != 0 && resultByte(4) != 0 {
			dropCas(resultWord(8))
			return nil
		}
		err = resultBucketError(4)
		swapped = err == nil
		return err
	})
	return swapped, err
}

// isExpected is whether the value that the host has returned is the expected one.
func isExpected(expected []byte) bool {
	if resultByte(4) == 0 {
		return expected == nil
	}
	return expected != nil && bytes.Equal(expected, bytesFrom(resultWord(8), resultWord(12)))
}

// GetMany returns the values of up to 1,000 keys, in the order of the keys: nil where there is none.
func (b Bucket) GetMany(keys ...string) (values [][]byte, err error) {
	err = b.with(func(bucket uint32) error {
		bucketGetMany(bucket, elementsAt(passedKeys(keys)), uint32(len(keys)), area())
		passing = nil
		if err := resultBucketError(0); err != nil {
			return err
		}
		values = make([][]byte, len(keys))
		if len(keys) == 0 {
			return nil
		}
		// Whether there is a value, the key, and the value.
		for i, pair := range unsafe.Slice((*[5]uint32)(address(resultWord(4))), resultWord(8)) {
			if uint8(pair[0]) != 0 {
				values[i] = bytesFrom(pair[3], pair[4])
			}
		}
		return nil
	})
	return values, err
}

// SetMany sets the values of up to 1,000 keys: all of them or none.
func (b Bucket) SetMany(values map[string][]byte) error {
	texts := make([]string, 0, 2*len(values))
	for key, value := range values {
		texts = append(texts, string(utf8Of(key)), passed(value))
	}
	return b.with(func(bucket uint32) error {
		bucketSetMany(bucket, elementsAt(passedElements(texts)), uint32(len(values)), area())
		passing = nil
		return resultBucketError(0)
	})
}

// DeleteMany removes up to 1,000 keys: all of them or none.
func (b Bucket) DeleteMany(keys ...string) error {
	return b.with(func(bucket uint32) error {
		bucketDeleteMany(bucket, elementsAt(passedKeys(keys)), uint32(len(keys)), area())
		passing = nil
		return resultBucketError(0)
	})
}

// Keys returns all keys, in the order of their bytes. The host is asked for 1,000 at a time.
func (b Bucket) Keys() (keys []string, err error) {
	err = b.with(func(bucket uint32) error {
		hasCursor, cursor := uint32(0), ""
		for {
			bucketListKeys(bucket, hasCursor, utf8Of(cursor), area())
			if err := resultBucketError(0); err != nil {
				return err
			}
			hasCursor = uint32(resultByte(12))
			cursor = stringFrom(resultWord(16), resultWord(20)*hasCursor)
			for _, key := range elementsFrom(resultWord(4), resultWord(8)) {
				keys = append(keys, key.text())
			}
			if hasCursor == 0 {
				return nil
			}
		}
	})
	return keys, err
}

// with opens the host's bucket for one call: an instance may have a limited number of them.
func (b Bucket) with(use func(bucket uint32) error) error {
	openBucket(utf8Of(b.name), area())
	if err := resultBucketError(0); err != nil {
		return err
	}
	bucket := resultWord(4)
	defer dropBucket(bucket)
	return use(bucket)
}

// resultBucketError reads the error behind the tag of a result. It is further behind if the value is a number of eight
// bytes.
func resultBucketError(further uintptr) error {
	if resultByte(0) == 0 {
		return nil
	}
	switch resultByte(4 + further) {
	case 0:
		return &CapabilityError{"no-such-store", "there is no such bucket"}
	case 1:
		return &CapabilityError{"access-denied", "not granted: add \"keyvalue:FILE\" to the `grant` of the resource"}
	}
	message := stringFrom(resultWord(8+further), resultWord(12+further))
	code, _, _ := strings.Cut(message, ":")
	return &CapabilityError{code, message}
}
