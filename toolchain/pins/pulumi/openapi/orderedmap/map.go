// Package orderedmap is a map that keeps the order in which its keys came.
package orderedmap

import (
	"iter"
	"slices"
)

// Map is empty as its zero value and as nil.
type Map[K comparable, V any] struct {
	keys   []K
	values map[K]V
}

// New makes an empty map.
func New[K comparable, V any]() *Map[K, V] {
	return &Map[K, V]{values: map[K]V{}}
}

// Len is the number of keys.
func Len[K comparable, V any](m *Map[K, V]) int {
	if m == nil {
		return 0
	}
	return len(m.keys)
}

// Get returns the value of a key, and whether there is one.
func (m *Map[K, V]) Get(key K) (V, bool) {
	if m == nil {
		var none V
		return none, false
	}
	value, ok := m.values[key]
	return value, ok
}

// GetOrZero returns the value of a key, or the type's zero value.
func (m *Map[K, V]) GetOrZero(key K) V {
	value, _ := m.Get(key)
	return value
}

// Set adds a key or replaces its value.
func (m *Map[K, V]) Set(key K, value V) {
	if _, ok := m.values[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.values[key] = value
}

// Delete takes a key away and returns its value, and whether there was one.
func (m *Map[K, V]) Delete(key K) (V, bool) {
	value, ok := m.Get(key)
	if ok {
		delete(m.values, key)
		m.keys = slices.DeleteFunc(m.keys, func(other K) bool { return other == key })
	}
	return value, ok
}

// FromOldest goes through keys and values in their order.
func (m *Map[K, V]) FromOldest() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for key := range m.KeysFromOldest() {
			if !yield(key, m.values[key]) {
				return
			}
		}
	}
}

// KeysFromOldest goes through the keys in their order.
func (m *Map[K, V]) KeysFromOldest() iter.Seq[K] {
	return func(yield func(K) bool) {
		if m == nil {
			return
		}
		for _, key := range m.keys {
			if !yield(key) {
				return
			}
		}
	}
}
