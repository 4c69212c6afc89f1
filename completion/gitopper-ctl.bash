# gitopper-ctl.bash - completion of gitopper-ctl's arguments in bash
# SPDX-License-Identifier: ISC

_gitopper_ctl() {
	local line=${COMP_LINE:0:COMP_POINT}
	local state=${GITOPPER_STATE:-/var/lib/gitopper}
	local cur=${line##*[[:blank:]]} last= command= words= option= word breaks

	# what stands before the word at the cursor, as gitopper-ctl reads it
	local -a before
	read -ra before <<<"${line%"$cur"}"
	for word in "${before[@]:1}"; do
		if [[ $option ]]; then
			option=
		elif [[ $word == -*[eipu] ]]; then
			option=${word: -1}
		elif [[ $word != [-@]* && ! $command && $word != @(d|do) ]]; then
			command=$word
		elif [[ $word != [-@]* ]]; then
			last=$word
		fi
	done

	local services=
	for word in "$state"/*/conf; do
		[[ -e $word ]] || continue
		word=${word%/conf}
		services+=" ${word##*/}"
	done
	case $option,$cur,$command in
	[ip],*) COMPREPLY=($(compgen -f -- "$cur")) ;;
	e,*) COMPREPLY=($(compgen -c -- "$cur")) ;;
	u,*) COMPREPLY=($(compgen -u -- "$cur")) ;;
	,@*)
		words='@all @ssh: @unix: @http:// @https://'
		[[ ! -r $state/.machines ]] ||
			words+=" $(sed 's/^/@/; s/[[:blank:]].*//' \
				"$state/.machines")" ;;
	,-*) words='-d -e -i -m -n -p -u' ;;
	,*,)
		words='list status freeze unfreeze rollback pull redo accept
			wipe log changes diff watch passwd' ;;
	,*,list | ,*,ls | ,*,l)
		[[ $last ]] || words='machines services service'
		[[ $last == machine?(s) ]] || words+=$services ;;
	,*,rollback) [[ $last ]] || words=$services ;;
	,*,passwd) [[ ! $last ]] || words='ro rw' ;;
	,*,watch) ;;
	*) words=$services ;;
	esac
	[[ ! $words ]] || COMPREPLY=($(compgen -W "$words" -- "$cur"))

	# bash takes a word with a colon in it for several
	breaks=${COMP_WORDBREAKS//[^:=]/}
	[[ ! $breaks ]] || word=${cur%"${cur##*[$breaks]}"}
	[[ ! $breaks ]] || COMPREPLY=("${COMPREPLY[@]#"$word"}")
}
complete -F _gitopper_ctl gitopper-ctl
