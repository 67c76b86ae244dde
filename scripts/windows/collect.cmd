@echo off
rem What a report needs from this host, into one directory: collect.cmd [DIRECTORY]
setlocal
call "%~dp0settings.cmd"
set TARGET=%~1
if "%TARGET%"=="" set TARGET=%USERPROFILE%\pcsc-bridge-%COMPUTERNAME%
if not exist "%TARGET%" mkdir "%TARGET%"
if errorlevel 1 (
  echo collect: %TARGET% cannot be made.
  exit /b 1
)
"%AGENT%" doctor --json > "%TARGET%\doctor.json" 2> "%TARGET%\doctor.err"
"%AGENT%" doctor > "%TARGET%\doctor.txt" 2>&1
"%AGENT%" session > "%TARGET%\session.txt" 2>&1
call "%~dp0filter.cmd" show > "%TARGET%\filter.txt" 2>&1
query session > "%TARGET%\sessions.txt" 2>&1
systeminfo > "%TARGET%\systeminfo.txt" 2>&1
wmic qfe get HotFixID,InstalledOn > "%TARGET%\hotfixes.txt" 2>&1
echo collect: done, in %TARGET%
exit /b 0
