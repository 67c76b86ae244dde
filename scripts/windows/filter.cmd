@echo off
rem The setting of KB949538, in the view of the registry that lsass reads. show: what is stored; on, off: store it
rem (elevated; it counts after a restart); absent: as Windows came.
setlocal
rem A 32-bit cmd.exe would be shown another registry: its way to the 64-bit tool is Sysnative.
set REG=%SystemRoot%\System32\reg.exe
if exist "%SystemRoot%\Sysnative\reg.exe" set REG=%SystemRoot%\Sysnative\reg.exe
set KEY=HKLM\SOFTWARE\Microsoft\Cryptography\Calais\Cache
set NAME=FilterCSPCardCacheByTSSessionConnectTime
if /i "%~1"=="show" goto show
if /i "%~1"=="on" (
  set DATA=1
  goto store
)
if /i "%~1"=="off" (
  set DATA=0
  goto store
)
if /i "%~1"=="absent" goto absent
echo usage: filter.cmd show^|on^|off^|absent
exit /b 2
:show
"%REG%" query %KEY% /v %NAME% 2>nul
if errorlevel 1 echo filter: no value is stored: the filter is off.
exit /b 0
:store
"%REG%" add %KEY% /v %NAME% /t REG_DWORD /d %DATA% /f
if errorlevel 1 goto denied
echo filter: stored. Restart Windows for it to count.
exit /b 0
:absent
"%REG%" delete %KEY% /v %NAME% /f
if errorlevel 1 goto denied
echo filter: removed. Restart Windows for it to count.
exit /b 0
:denied
echo filter: not stored: run this as administrator.
exit /b 1
