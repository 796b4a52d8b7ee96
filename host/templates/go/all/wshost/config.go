package wshost

// CapabilityError is why the host did not read the configuration, or a bucket.
type CapabilityError struct {
	// Code is a word: "upstream" (not granted) for the configuration. For a bucket it is "access-denied" (not granted),
	// "full", "too-long", "too-many", "not-a-number", "no-own-bucket" or "unavailable". More words may be added.
	Code string
	// Message is for people.
	Message string
}

func (e *CapabilityError) Error() string { return e.Message }

// ConfigValue is a value of the table `config` of the resource. It is false if the table does not have the key. The
// configuration must grant it: `grant = ["config"]`.
func ConfigValue(key string) (string, bool, error) {
	configGet(utf8Of(key), area())
	if err := resultConfigError(); err != nil {
		return "", false, err
	}
	if resultByte(4) == 0 {
		return "", false, nil
	}
	return stringFrom(resultWord(8), resultWord(12)), true, nil
}

// ConfigValues are all values of the table `config`, by their keys.
func ConfigValues() (map[string]string, error) {
	configGetAll(area())
	if err := resultConfigError(); err != nil {
		return nil, err
	}
	elements := elementsFrom(resultWord(4), 2*resultWord(8))
	values := make(map[string]string, len(elements)/2)
	for i := 0; i < len(elements); i += 2 {
		values[elements[i].text()] = elements[i+1].text()
	}
	return values, nil
}

func resultConfigError() error {
	if resultByte(0) == 0 {
		return nil
	}
	code := "upstream"
	if resultByte(4) != 0 {
		code = "io"
	}
	return &CapabilityError{code, stringFrom(resultWord(8), resultWord(12))}
}
