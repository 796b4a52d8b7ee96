package wshost

// Log writes lines to the host's log. The level is "trace", "debug", "info", "warn" or "error". What the handler prints
// goes to the same log: os.Stdout at "info", os.Stderr at "warn".
func Log(level, message string) { logWrite(utf8Of(level), utf8Of(message)) }

// LogEnabled says whether the log shows lines of this level.
func LogEnabled(level string) bool { return logEnabled(utf8Of(level)) != 0 }
